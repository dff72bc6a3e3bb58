// From a connection's frames to whole messages: what each compression does. One object a connection.

/** Gets a message's text. The bytes are valid during the call only. */
export type Deliver = (text: Uint8Array) => void

export interface Transport {
  /**
   * @param frame may be reused as soon as this returns
   * @throws DecodeError, or what `deliver` throws; only `reset` helps then.
   */
  push(frame: Uint8Array, deliver: Deliver): void
  /** Forgets everything, for a new connection. */
  reset(): void
}
