// A part of a bot's shards in a worker. Answers its part with "ready", a number of events with "armed" and, when the broker
// has confirmed so many, "done".

import { type Part, startPart } from "./part.ts"

declare const self: Worker

let gateway: Awaited<ReturnType<typeof startPart>> | null = null
self.onmessage = async ({ data }: MessageEvent<Part | number>) => {
  if (typeof data !== "number") {
    gateway = await startPart(data)
    return postMessage("ready")
  }
  const all = gateway?.more(data)
  postMessage("armed")
  await all
  postMessage("done")
}
