// A simulated Discord that sends events at a pace and reads them back from the broker, in a process of its own: both clocks
// are one, and whoever carries the events does nothing for the measurement. Usage: paced.ts BROKER_URL. Tells where it
// listens; for a line `{"events": n, "rate": r}` it sends, and answers with the latencies.

import { createInterface } from "node:readline"
import { connect } from "amqplib"
import { Redis } from "ioredis"
import { Unpackr } from "msgpackr"
import { startSimulator } from "../../src/simulator/start.ts"

const EVENT = "MESSAGE_CREATE"
/** With the fields around it, an event of about 1 KB. */
const CONTENT = "x".repeat(900)
const READ_COUNT = 1_000

const [brokerUrl = ""] = process.argv.slice(2)
const discord = await startSimulator({ guilds: 10 })
let arrived: (sentMs: number) => void = () => {}
say({ host: discord.host })

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
let line = await lines.next()
// Only now: the gateway has made the stream or the queue.
await read((sentMs) => arrived(sentMs))
for (; !line.done; line = await lines.next()) {
  const { events, rate } = JSON.parse(line.value)
  const latencies = latenciesOf(events)
  await send(events, rate)
  say({ latencyUs: await latencies })
}

async function send(events: number, rate: number): Promise<void> {
  const guildId = discord.world.guildIdsOf(0, 1)[0]
  const startedMs = performance.now()
  for (let sent = 0; sent < events; ) {
    const due = Math.min(events, Math.ceil(((performance.now() - startedMs) / 1_000) * rate))
    for (; sent < due; sent += 1) {
      discord.dispatch(0, EVENT, { guild_id: guildId, id: String(sent), content: CONTENT, sent: performance.now() })
    }
    await Bun.sleep(0)
  }
}

/** Median, 99 % and 99.9 % of the next `events` events, in µs. */
function latenciesOf(events: number): Promise<readonly number[]> {
  const latencies: number[] = []
  return new Promise((resolve) => {
    arrived = (sentMs) => {
      latencies.push((performance.now() - sentMs) * 1_000)
      if (latencies.length < events) return
      const sorted = latencies.sort((a, b) => a - b)
      resolve([0.5, 0.99, 0.999].map((share) => sorted[Math.floor(share * sorted.length)] ?? Number.NaN))
    }
  })
}

/** Tells when each event was sent, from now on. Resolves once it reads. */
function read(each: (sentMs: number) => void): Promise<void> {
  return brokerUrl.startsWith("amqp") ? readQueue(each) : readStream(each)
}

async function readStream(each: (sentMs: number) => void): Promise<void> {
  const redis = new Redis(brokerUrl, { protocol: 2 })
  const unpackr = new Unpackr({ useRecords: false })
  const last = await redis.xrevrange(EVENT, "+", "-", "COUNT", 1)
  const follow = async (after: string) => {
    for (let from = after; ; ) {
      const reply = await redis.xreadBuffer("COUNT", READ_COUNT, "BLOCK", 0, "STREAMS", EVENT, from)
      for (const [id, fields] of reply?.[0]?.[1] ?? []) {
        from = id.toString()
        const body: Buffer | undefined = fields[1]
        if (body !== undefined) each(unpackr.unpack(body).sent)
      }
    }
  }
  void follow(last[0]?.[0] ?? "0")
}

async function readQueue(each: (sentMs: number) => void): Promise<void> {
  const connection = await connect(brokerUrl, { noDelay: true })
  const channel = await connection.createChannel()
  await channel.prefetch(READ_COUNT)
  await channel.consume(`gateway:${EVENT}`, (message) => {
    if (message === null) return
    each(JSON.parse(message.content.toString()).sent)
    channel.ack(message)
  })
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
