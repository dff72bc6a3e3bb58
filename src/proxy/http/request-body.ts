// A request's body: kept where it is small, so that it can be sent again; passed through once where it is large.

/** The largest body that is kept. */
export const MAX_KEPT_BYTES = 1024 * 1024
/** What is kept of all requests in hand. Of a larger body Bun takes in little more than what is read of it. */
export const MAX_HELD_BYTES = 512 * 1024 * 1024

/** How much is kept of the bodies of all requests in hand. */
export class HeldBytes {
  #held = 0

  /** False when there is no room. */
  take(bytes: number): boolean {
    if (this.#held + bytes > MAX_HELD_BYTES) return false
    this.#held += bytes
    return true
  }

  give(bytes: number): void {
    this.#held -= bytes
  }
}

/** How much of a body may be kept, by what Content-Length says; null where it says nothing. */
export function mostKeptBytes(length: number | null): number {
  if (length === null) return MAX_KEPT_BYTES
  return length <= MAX_KEPT_BYTES ? length : 0
}

type Bytes = Uint8Array<ArrayBuffer>

/**
 * @param length what Content-Length says; null where it says nothing.
 * @throws what reading it throws, as when the client has left.
 */
export async function readBody(request: Request, length: number | null): Promise<Bytes | ReadableStream<Bytes> | null> {
  const { body } = request
  if (body === null) return null
  if (length !== null) return length <= MAX_KEPT_BYTES ? new Uint8Array(await request.arrayBuffer()) : body
  return readUpTo(body)
}

/** Of unknown length: kept while it is small, else what was read goes before the rest. */
async function readUpTo(body: ReadableStream<Bytes>): Promise<Bytes | ReadableStream<Bytes>> {
  const reader = body.getReader()
  const chunks: Bytes[] = []
  let bytes = 0
  while (bytes <= MAX_KEPT_BYTES) {
    const { done, value } = await reader.read()
    if (done) return joined(chunks, bytes)
    chunks.push(value)
    bytes += value.length
  }
  return new ReadableStream<Bytes>({
    async pull(controller) {
      const first = chunks.shift()
      if (first !== undefined) return controller.enqueue(first)
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: (reason) => reader.cancel(reason),
  })
}

function joined(chunks: readonly Bytes[], bytes: number): Bytes {
  const [only] = chunks
  if (chunks.length === 1 && only !== undefined) return only
  const all = new Uint8Array(bytes)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}
