// A command handler on the published @spectacles/brokers over Redis, which says what it sees, a JSON object a line.
// Usage: node spectacles-brokers-redis-bot.mjs REDIS_URL

import { Redis } from "@spectacles/brokers"
import RedisClient from "ioredis"

const broker = new Redis("gateway-bot", new RedisClient(process.argv[2]), { blockInterval: 100 })
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

broker.on("error", (error) => say({ saw: "error", message: error.message }))
for (const event of ["MESSAGE_CREATE", "GUILD_CREATE"]) {
  broker.on(event, async (data, { ack }) => {
    await ack()
    if (data.content === "!send") {
      const presence = { since: null, activities: [{ name: "by guild", type: 0 }], status: "online", afk: false }
      await broker.publish("SEND", { guild_id: data.guild_id, packet: { op: 3, d: presence } })
      await broker.publish("0", { op: 3, d: { ...presence, activities: [{ name: "by shard", type: 0 }] } })
    }
    if (data.content === "!call") {
      const replies = []
      for (let index = 0; index < 50; index += 1) replies.push(await broker.call("ask", index))
      say({ saw: "replies", d: replies })
    }
    say({ saw: "event", t: event, d: data })
  })
}
// Replies as soon as it can.
broker.on("answer", async (data, { ack, reply }) => {
  await reply(data * 2)
  await ack()
})

await broker.subscribe(["MESSAGE_CREATE", "GUILD_CREATE", "answer"])
say({ saw: "ready" })
