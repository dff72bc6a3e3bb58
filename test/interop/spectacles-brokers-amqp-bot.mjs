// A command handler written for @spectacles/brokers 0.9.3 on AMQP. Says what it sees as JSON lines.
// Arguments: the server's host and port, the group, a guild to send a packet to.

import { Amqp } from "@spectacles/brokers"

const [, , server, group, guildId] = process.argv
const say = (saw, fields = {}) => process.stdout.write(`${JSON.stringify({ saw, ...fields })}\n`)

const broker = new Amqp(group, { reconnectTimeout: 100 })
broker.on("error", (error) => say("error", { message: error.message }))

let givenBack = false
broker.on("MESSAGE_CREATE", (message, { ack, nack }) => {
  if (message.content === "give me back" && !givenBack) {
    givenBack = true
    say("given back")
    nack(false, true)
    return
  }
  ack()
  say("event", { t: "MESSAGE_CREATE", d: message })
})
broker.on("QUESTION", async (data, { ack, reply }) => {
  await reply({ answer: data.question * 7 })
  ack()
})

await broker.connect(server)
await broker.subscribe(["MESSAGE_CREATE", "QUESTION"])
say("subscribed")
broker.publish("SEND", {
  guild_id: guildId,
  packet: { op: 4, d: { guild_id: guildId, channel_id: null, self_mute: false, self_deaf: true } },
})
say("answered", { d: await broker.call("SUM", { numbers: [1, 2, 3] }) })
