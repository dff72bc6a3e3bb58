// The simulated Discord of a benchmark, in a process of its own. Speaks JSON lines: tells where it listens, then for each
// line it reads it prepares a burst (`{"events": n}`), tells that it is ready, and sends it at the next line.

import { createInterface } from "node:readline"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"

const GUILDS_A_SHARD = 12

const shards = Number(process.argv[2] ?? "1")
// So many that no shard is without one.
const guilds = Math.max(100, shards * GUILDS_A_SHARD)
const simulator = await startSimulator({ guilds, shards, maxConcurrency: shards })
say({ host: simulator.host, gatewayUrl: simulator.gatewayUrl })
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

for (let line = await lines.next(); !line.done; line = await lines.next()) await burst(simulator, line.value)
await simulator.stop()

async function burst(discord: Simulator, line: string): Promise<void> {
  const { events } = JSON.parse(line) as { readonly events: number }
  const shards = discord.sessions().filter(({ connected }) => connected)
  const bursts = await Promise.all(shards.map(({ shard }) => discord.prepareBurst({ shard, events })))
  say({ prepared: bursts.length * events })
  await lines.next()
  await Promise.all(bursts.map((prepared) => prepared.send()))
  say({ sent: bursts.length * events })
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
