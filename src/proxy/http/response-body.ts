// An answer to a request whose path holds a token, as those to webhooks and interactions. When a body that Bun has fetched
// breaks off while Bun serves it, Bun prints the whole URL to standard error; a stream of our own breaks off quietly.

/** @param onBroken told when the body breaks off, before the client sees the same. */
export function brokenQuietly(response: Response, onBroken: () => void): Response {
  const { body, status, headers } = response
  if (body === null) return response
  const reader = body.getReader()
  const quiet = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (done) controller.close()
        else controller.enqueue(value)
      } catch {
        onBroken()
        // Bun prints whatever is given here.
        controller.error(undefined)
      }
    },
    cancel: (reason) => reader.cancel(reason),
  })
  return new Response(quiet, { status, headers })
}
