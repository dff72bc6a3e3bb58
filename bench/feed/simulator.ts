// The simulated Discord of a benchmark, in a process of its own. Speaks JSON lines: tells where it listens, then for each
// line it reads it prepares a burst (`{"events": n}`) and tells that it is ready, or sends of it (`{"upTo": n}`).

import { createInterface } from "node:readline"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import type { Burst } from "../../src/simulator/traffic/burst.ts"

const GUILDS_A_SHARD = 12

const shards = Number(process.argv[2] ?? "1")
// So many that no shard is without one.
const guilds = Math.max(100, shards * GUILDS_A_SHARD)
const simulator = await startSimulator({ guilds, shards, maxConcurrency: shards })
say({ host: simulator.host, gatewayUrl: simulator.gatewayUrl })
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

/** One a shard. */
let bursts: readonly { readonly burst: Burst; sent: number }[] = []

for (let line = await lines.next(); !line.done; line = await lines.next()) {
  const wish = JSON.parse(line.value) as { readonly events: number } | { readonly upTo: number }
  if ("events" in wish) await prepare(simulator, wish.events)
  else sendUpTo(wish.upTo)
}
await simulator.stop()

async function prepare(discord: Simulator, events: number): Promise<void> {
  const shards = discord.sessions().filter(({ connected }) => connected)
  const prepared = await Promise.all(shards.map(({ shard }) => discord.prepareBurst({ shard, events })))
  bursts = prepared.map((burst) => ({ burst, sent: 0 }))
  say({ prepared: bursts.length * events })
}

/** Whole chunks, so it may be a few hundred events more. */
function sendUpTo(events: number): void {
  for (const one of bursts) {
    for (let sent = 1; one.sent < events && sent > 0; one.sent += sent) sent = one.burst.sendChunk()
  }
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
