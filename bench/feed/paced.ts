// A simulated Discord that sends events at a pace and reads them back from Redis, in a process of its own: both clocks are
// one, and whoever carries the events does nothing for the measurement. Usage: paced.ts REDIS_URL. Tells where it listens;
// for a line `{"events": n, "rate": r}` it sends, and answers with the latencies.

import { createInterface } from "node:readline"
import { Redis } from "ioredis"
import { Unpackr } from "msgpackr"
import { startSimulator } from "../../src/simulator/start.ts"

const STREAM = "MESSAGE_CREATE"
/** With the fields around it, an event of about 1 KB. */
const CONTENT = "x".repeat(900)
const READ_COUNT = 1_000

const [redisUrl = ""] = process.argv.slice(2)
const discord = await startSimulator({ guilds: 10 })
const redis = new Redis(redisUrl, { protocol: 2 })
const unpackr = new Unpackr({ useRecords: false })
say({ host: discord.host })

for await (const line of createInterface({ input: process.stdin })) {
  const { events, rate } = JSON.parse(line)
  const last = await redis.xrevrange(STREAM, "+", "-", "COUNT", 1)
  const reading = read(events, last[0]?.[0] ?? "0")
  await send(events, rate)
  say({ latencyUs: await reading })
}

async function send(events: number, rate: number): Promise<void> {
  const guildId = discord.world.guildIdsOf(0, 1)[0]
  const startedMs = performance.now()
  for (let sent = 0; sent < events; ) {
    const due = Math.min(events, Math.ceil(((performance.now() - startedMs) / 1_000) * rate))
    for (; sent < due; sent += 1) {
      discord.dispatch(0, STREAM, { guild_id: guildId, id: String(sent), content: CONTENT, sent: performance.now() })
    }
    await Bun.sleep(0)
  }
}

async function read(events: number, after: string): Promise<readonly number[]> {
  const latencies: number[] = []
  for (let from = after; latencies.length < events; ) {
    const reply = await redis.xreadBuffer("COUNT", READ_COUNT, "BLOCK", 0, "STREAMS", STREAM, from)
    const nowMs = performance.now()
    for (const [id, fields] of reply?.[0]?.[1] ?? []) {
      from = id.toString()
      const body: Buffer | undefined = fields[1]
      if (body !== undefined) latencies.push((nowMs - unpackr.unpack(body).sent) * 1_000)
    }
  }
  const sorted = latencies.sort((a, b) => a - b)
  return [0.5, 0.99, 0.999].map((share) => sorted[Math.floor(share * sorted.length)] ?? Number.NaN)
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
