// The simulated Discord of a long run, in a process of its own, which remembers little so that it can go on for hours. Speaks
// JSON lines: tells where it listens, then sets the rate that each line names.

import { createInterface } from "node:readline"
import { startSimulator } from "../../src/simulator/start.ts"

const simulator = await startSimulator({
  ...{ guilds: 100, shards: Number(process.argv[2] ?? "1"), maxConcurrency: 64 },
  ...{ logEvents: 10_000, recordEntries: 1_000, sessionLifetimeMs: 86_400_000 },
})
process.stdout.write(`${JSON.stringify({ host: simulator.host })}\n`)
for await (const line of createInterface({ input: process.stdin })) {
  const { rate } = JSON.parse(line) as { readonly rate: number | "flat-out" }
  simulator.setRate(rate)
  process.stdout.write(`${JSON.stringify({ rate })}\n`)
}
await simulator.stop()
