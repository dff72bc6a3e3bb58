// Starts the simulated Discord of a benchmark and asks it for bursts.

import { createInterface } from "node:readline"
import { Readable } from "node:stream"

export interface Feed {
  readonly host: string
  readonly gatewayUrl: string
  readonly pid: number
  /** Encodes `events` events for every connected shard; resolves to what sends them, or the first of them. */
  prepare(events: number): Promise<(upTo?: number) => void>
  stop(): Promise<void>
}

export async function startFeed(shards: number): Promise<Feed> {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/simulator.ts`, String(shards)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  })
  const lines = createInterface({ input: Readable.fromWeb(child.stdout as never) })[Symbol.asyncIterator]()
  const hear = async () => JSON.parse((await lines.next()).value ?? "{}")
  const say = (line: string) => {
    child.stdin.write(`${line}\n`)
    void child.stdin.flush()
  }
  const { host, gatewayUrl } = await hear()
  return {
    host,
    gatewayUrl,
    pid: child.pid,
    async prepare(events) {
      say(JSON.stringify({ events }))
      await hear()
      return (upTo = events) => say(JSON.stringify({ upTo }))
    },
    async stop() {
      child.kill()
      await child.exited
    },
  }
}
