// Where published bytes go.

export interface Sink {
  /**
   * Writes all of `bytes`. Called again only after the promise settled.
   * @returns a promise that resolves when the other end of the pipe, or the file, has taken every byte.
   * @throws SinkGoneError when the reader has left; any other error is a failure that an operator must mend.
   */
  write(bytes: Uint8Array): Promise<void>
}

/** The reader of standard output has left: nothing more is wanted, and that is no failure. */
export class SinkGoneError extends Error {
  override readonly name = "SinkGoneError"
}
