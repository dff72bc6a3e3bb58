// From a connection's frames to the text they carry: what each compression does. One object a connection.

/**
 * Gets a piece of the text, which is valid during the call only, and how many bytes it was compressed to.
 * Pieces need not end where payloads do.
 */
export type DeliverText = (piece: Uint8Array, compressedBytes: number) => void

export interface Transport {
  /**
   * @param frame may be reused as soon as this returns
   * @throws DecodeError, or what `deliver` throws; only `reset` helps then.
   */
  push(frame: Uint8Array, deliver: DeliverText): void
  /** Forgets everything, for a new connection. */
  reset(): void
}
