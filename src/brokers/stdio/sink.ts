// Where published bytes go: the port, and standard output behind it.
//
// Bun's FileSink was chosen by experiment (Bun 1.4.5; CPU for 64 KiB, with the kernel's copy into the pipe):
//   Bun.file(1).writer()   13-19 µs. Waits for a slow reader without blocking, short writes are its own business.
//   process.stdout         33 µs, and a closed pipe is an `error` event besides the callback's error.
//   fs.write               44 µs, a thread a write; EAGAIN on a non-blocking pipe must be polled for.
//   fs.writeSync           31 µs, but a slow reader stops the event loop, heartbeats and all; EAGAIN loses the rest.
// `write` alone confirms nothing: below about 4 KB it only buffers, answers as if it had written, and loses the error. Each
// write is therefore followed by `flush`, which settles when the pipe has all (checked with readers that stall and leave).
// It makes a pipe non-blocking, for everyone who shares it: with `2>&1 |` that is standard error too.

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

/** Writes of more than a few KB then go out at once instead of being gathered. */
const SMALLEST_BUFFER = { highWaterMark: 1 }

/** The sink over a file descriptor: 1 is standard output. */
export function fileSink(descriptor: number): Sink {
  const writer = Bun.file(descriptor).writer(SMALLEST_BUFFER)
  return {
    async write(bytes) {
      try {
        await writer.write(bytes)
        await writer.flush()
      } catch (error) {
        throw sinkError(error)
      }
    },
  }
}

function sinkError(error: unknown): Error {
  const code = error instanceof Error && "code" in error ? error.code : undefined
  if (code === "EPIPE") return new SinkGoneError("The reader of standard output has left.", { cause: error })
  const start = "Cannot write events to standard output:"
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new Error(`${start} no space is left (${code}); free some, or send standard output elsewhere.`, {
      cause: error,
    })
  }
  return new Error(`${start} ${error instanceof Error ? error.message : String(error)}.`, { cause: error })
}
