// What a user would write today under Node: @discordjs/ws with zlib-sync, msgpackr, ioredis with automatic pipelining.
// Usage: node discordjs-redis.mjs API_URL REDIS_URL SHARDS. For each line `{"events": n}` on standard input it measures from
// then until n more events are confirmed, and answers with a sample; `{"quiet": true}` is answered once nothing comes.

import { createInterface } from "node:readline"
import { REST } from "@discordjs/rest"
import { CompressionMethod, WebSocketManager, WebSocketShardEvents } from "@discordjs/ws"
import { Redis } from "ioredis"
import { Packr } from "msgpackr"

const [api, redisUrl, shards] = process.argv.slice(2)
const RETENTION_MS = 3_600_000
const QUIET_MS = 300

const redis = new Redis(redisUrl, { enableAutoPipelining: true })
const packr = new Packr({ useRecords: false })
const manager = new WebSocketManager({
  token: "simulated",
  intents: 53_608_447,
  shardCount: Number(shards),
  compression: CompressionMethod.ZlibSync,
  rest: new REST({ api }).setToken("simulated"),
})

let confirmed = 0
let target = Number.POSITIVE_INFINITY
let reached = () => {}
const sessions = new Map()

manager.on(WebSocketShardEvents.Ready, (data, shardId) => sessions.set(shardId, data.session_id))
manager.on(WebSocketShardEvents.Dispatch, ({ t, s, d }, shardId) => {
  const id = `${sessions.get(shardId) ?? d.session_id}:${s}`
  redis.xadd(t, "MINID", "~", Date.now() - RETENTION_MS, "*", "data", packr.pack(d), "id", id).then(() => {
    confirmed += 1
    if (confirmed >= target) reached()
  })
})
manager.on(WebSocketShardEvents.Error, (error) => console.error(error))
await manager.connect()

for await (const line of createInterface({ input: process.stdin })) {
  const { events } = JSON.parse(line)
  console.log(JSON.stringify(events === undefined ? await quiet() : await sample(events)))
}

async function sample(events) {
  target = confirmed + events
  const all = new Promise((resolve) => {
    reached = resolve
  })
  console.log("{}")
  const cpu = process.cpuUsage()
  const startedMs = performance.now()
  await all
  const { user, system } = process.cpuUsage(cpu)
  return { events, cpuUs: user + system, wallUs: (performance.now() - startedMs) * 1_000 }
}

async function quiet() {
  for (let before = 0; before === 0 || before !== confirmed; ) {
    before = confirmed
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
  }
  return {}
}
