// A command handler: answers `!ping` in any channel, through the proxy.
// Run it beside the gateway (events MESSAGE_CREATE; intents GUILD_MESSAGES and MESSAGE_CONTENT) and the proxy, which reads
// this Redis (REDIS_URL) and has the token (DISCORD_TOKEN), so that no handler needs it:
//   bun examples/ping.ts [redis://localhost:6379]

import { Redis as RedisClient } from "ioredis"
import { Redis } from "spectacles/brokers"

const client = new RedisClient(process.argv[2] ?? "redis://localhost:6379")
const broker = new Redis("ping", client)

// Finishes the message in hand, then ends the loop below.
process.once("SIGTERM", () => broker.close())
process.once("SIGINT", () => broker.close())
broker.on("deadLetter", ({ event, id, reason, to }) => console.error(`${event} ${id} lies in ${to}: ${reason}`))

for await (const { data: message, id, ack, nack } of broker.consume("MESSAGE_CREATE")) {
  try {
    if (message.content === "!ping" && (await isFirst(id))) await send(message.channel_id, "Pong!")
    await ack()
  } catch (error) {
    console.error(`Cannot answer message ${message.id}, trying again: ${error}`)
    await client.del(`ping:${id}`)
    await nack()
  }
}
client.disconnect()

/** An event may come twice, after a crash; its id tells, and one of all workers answers. */
async function isFirst(id: string): Promise<boolean> {
  return (await client.set(`ping:${id}`, "1", "EX", 3_600, "NX")) === "OK"
}

async function send(channelId: string, content: string): Promise<void> {
  const path = `/channels/${channelId}/messages`
  const headers = { "content-type": "application/json" }
  const body = new TextEncoder().encode(JSON.stringify({ content }))
  // As long as the limit may take; without it a call waits 5 s.
  const timeout = 60_000
  const reply = (await broker.call("REQUEST", { method: "POST", path, headers, body }, { timeout })) as Reply
  if (reply.status !== 0) throw new Error(`the proxy says ${reply.status}: ${reply.body}`)
  const text = new TextDecoder().decode(reply.body.body)
  if (reply.body.status >= 400) throw new Error(`Discord says ${reply.body.status}: ${text}`)
  console.log(`answered in ${channelId}: ${content}`)
}

/** Status 0 comes with Discord's answer, any other with a sentence of the proxy's. */
type Reply =
  | { readonly status: 0; readonly body: { readonly status: number; readonly body: Uint8Array } }
  | { readonly status: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8; readonly body: string }
