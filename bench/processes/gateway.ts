// A gateway process of which each part of the shards runs in a worker, or in the process itself where there is one part.
// Usage: gateway.ts PARTS, as JSON. Says that it is ready; for a line `{"events": n}`, which is what comes for each part, says
// that it counts, and then what they cost.

import { createInterface } from "node:readline"
import { type Part, startPart } from "./part.ts"

interface RunningPart {
  /** Resolves once it counts; what it returns resolves when it has counted enough. */
  expect(events: number): Promise<() => Promise<void>>
}

const parts: readonly Part[] = JSON.parse(process.argv[2] ?? "[]")
const running = await Promise.all(parts.map((part) => (parts.length === 1 ? here(part) : inWorker(part))))
say({ ready: running.length })

for await (const line of createInterface({ input: process.stdin })) {
  const { events } = JSON.parse(line) as { readonly events: number }
  const done = await Promise.all(running.map((part) => part.expect(events)))
  const before = process.cpuUsage()
  say({ armed: events })
  await Promise.all(done.map((wait) => wait()))
  const { user, system } = process.cpuUsage(before)
  say({ cpuUs: user + system })
}

async function here(part: Part): Promise<RunningPart> {
  const gateway = await startPart(part)
  return {
    async expect(events) {
      const all = gateway.more(events)
      return () => all
    },
  }
}

async function inWorker(part: Part): Promise<RunningPart> {
  const worker = new Worker(new URL("worker.ts", import.meta.url).href)
  // It says one thing after another, each of which is waited for.
  const hear = () =>
    new Promise<void>((resolve, reject) => {
      worker.onmessage = () => resolve()
      worker.onerror = ({ message }) => reject(new Error(message))
    })
  const ready = hear()
  worker.postMessage(part)
  await ready
  return {
    async expect(events) {
      const armed = hear()
      worker.postMessage(events)
      await armed
      const done = hear()
      return () => done
    },
  }
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
