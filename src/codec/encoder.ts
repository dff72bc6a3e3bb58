// The port from packets to transport bytes, as Discord's side of a connection: what the simulator sends. One encoder a
// connection, since the compression history is the connection's.

export interface Encoder {
  /**
   * One gateway message, flushed, so that the other side can decode it whole.
   * @param json the payload's JSON in UTF-8
   * @returns bytes that the caller owns
   */
  encode(json: Uint8Array): Uint8Array
  close(): void
}
