// A bot on the published @spectacles/proxy with @spectacles/brokers over Redis or AMQP, under Node. Says on standard output
// what it sees, a JSON object a line.
// Usage: node spectacles-proxy-bot.mjs BROKER_URL CHANNEL_ID,CHANNEL_ID work|burst|race|mistakes

import { Amqp, Redis } from "@spectacles/brokers"
import { Client } from "@spectacles/proxy"
import RedisClient from "ioredis"

const [url, channelIds, task] = process.argv.slice(2)
const channels = channelIds.split(",")
const broker = url.startsWith("amqp") ? new Amqp("proxy") : new Redis("bot", new RedisClient(url))
if (broker instanceof Amqp) await broker.connect(url.replace("amqp://", ""))
const client = new Client(broker, "simulated")
const say = (saw, d) => process.stdout.write(`${JSON.stringify({ saw, d })}\n`)

/** What Discord answered. */
function read({ status, body }) {
  if (status !== 0) throw new Error(`The proxy says ${status}: ${body}`)
  return {
    status: body.status,
    type: body.headers["content-type"],
    json: body.body.length > 0 && JSON.parse(body.body),
  }
}

/** Every kind of thing a bot does to a message. */
async function work() {
  const messages = `/channels/${channels[0]}/messages`
  const { json: me } = read(await client.get("/users/@me"))
  const { json: sent } = read(await client.post(messages, { content: "hello “spectacles” 👍" }))
  say("sent", { content: sent.content, mine: sent.author.id === me.id })
  const reason = { headers: { "X-Audit-Log-Reason": "a%20reason" } }
  say("edited", read(await client.patch(`${messages}/${sent.id}`, { content: "edited" }, reason)).json.content)
  const reaction = await client.put(`${messages}/${sent.id}/reactions/${encodeURIComponent("👍")}/@me`)
  say("reacted", read(reaction).status)
  const headers = { "content-type": "application/json" }
  await client.post(messages, Buffer.from('{"content":"as bytes"}'), { headers })
  const { json: history } = read(await client.get(messages, { query: { limit: "2" } }))
  say(
    "history",
    history.map(({ content }) => content),
  )
  say("deleted", read(await client.delete(`${messages}/${sent.id}`)).status)
  const { status, type, json } = read(await client.get(`${messages}/${sent.id}`))
  say("error", { status, type, code: json.code })
}

/** More than the buckets hold, at once. */
async function burst() {
  const calls = Array.from({ length: 30 }, (_, index) =>
    client.post(`/channels/${channels[index % channels.length]}/messages`, { content: `message ${index}` }),
  )
  say(
    "burst",
    (await Promise.all(calls)).map((reply) => read(reply).status),
  )
}

/** Calls whose replies are there at once, from a bot that is now and then busy. */
async function race() {
  const counts = {}
  const one = async () => {
    for (let index = 0; index < 20; index += 1) {
      const key = await client.get("/../nowhere").then(
        ({ status }) => `status ${status}`,
        (error) => error.message,
      )
      counts[key] = (counts[key] ?? 0) + 1
      const busyUntil = performance.now() + (index % 5 === 0 ? 10 : 0)
      while (performance.now() < busyUntil);
    }
  }
  await Promise.all(Array.from({ length: 50 }, one))
  say("race", counts)
}

/** What cannot be passed on. */
async function mistakes() {
  const replies = [
    await client.get("/../../etc"),
    await client.get("/x", { query: { limit: 5 } }),
    await client.make("BREW", "/x", undefined, {}),
    await client.get("/x", { headers: { a: "b\r\nc: d" } }),
    await broker.call("REQUEST", "no request"),
    await client.get("/users/@me", { headers: { "X-Spectacles-Timeout": "100ms" } }),
  ]
  say(
    "mistakes",
    replies.map(({ status, body }) => [status, typeof body]),
  )
}

try {
  await { work, burst, race, mistakes }[task]()
  say("done")
} catch (error) {
  say("failed", String(error))
}
process.exit(0)
