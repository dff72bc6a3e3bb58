// A command handler as it is written for `@spectacles/brokers` over AMQP. It says what it sees, a JSON value a line.
// Usage: node written-for-spectacles.mjs PACKAGE AMQP_URL

import { EventEmitter } from "node:events"
import { connect } from "amqplib"

const [packageName, url] = process.argv.slice(2)
const { Amqp } = await import(packageName)

const say = (what, value) => process.stdout.write(`${JSON.stringify([what, value ?? null])}\n`)
const next = (broker, event) =>
  new Promise((resolve) => broker.once(event, (data, options) => resolve({ data, options })))
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const host = url.replace("amqp://", "")

// Construction
for (const made of [
  new Amqp(),
  new Amqp("foo"),
  new Amqp("foo", "bar"),
  new Amqp("foo", {}),
  new Amqp("foo", "bar", {}),
]) {
  say("fields", [made.group, made.subgroup, made.options, made.channel, made.callback, made instanceof EventEmitter])
}
const given = { reconnectTimeout: 50, serialize: (data) => Buffer.from(data), deserialize: (bytes) => bytes.toString() }
const custom = new Amqp("custom", given)
say("given", [custom.options === given, custom.serialize === given.serialize, custom.deserialize === given.deserialize])
try {
  await custom.publish("early", "x")
} catch (error) {
  say("before connect", error instanceof Error)
}

// Connecting
const connection = await connect(url)
const raw = await connection.createChannel()
const broker = new Amqp("workers")
const own = await broker.connect(host)
say("connect resolves to", [typeof own.close, typeof own.createChannel])
say("channel", [typeof broker.channel.publish, typeof broker.callback, broker.callback.length > 0])
const adopted = new Amqp("workers")
say("adopts", (await adopted.connect(connection)) === connection)

// Queues and bodies
say("createQueue", await broker.createQueue("values"))
const values = [null, true, 7, -1, 1.5, "text", "ü👍", [], { a: [1, { b: null }] }, 2 ** 40, undefined]
for (const value of values) say("publish returns", broker.publish("values", value))
await pause(100)
for (const _ of values) say("body", (await raw.get("workers:values", { noAck: true })).content.toString("hex"))
const divided = new Amqp("workers", "half")
await divided.connect(connection)
say("subgroup's queue", await divided.createQueue("values"))

// Listeners
const seen = []
const all = new Promise((resolve) => {
  broker.on("values", (data, { ack }) => {
    seen.push(data)
    say("ack returns", ack())
    if (seen.length === values.length) resolve()
  })
})
const consumers = await broker.subscribe("values")
say("subscribe resolves to", [consumers.length, typeof consumers[0].consumerTag])
for (const value of values) broker.publish("values", value)
await all
say("seen", seen)

// nack and reject
const first = next(adopted, "job")
await adopted.subscribe(["job", "other"])
broker.publish("job", "again and again")
const { data, options } = await first
say("options", [typeof options.ack, typeof options.nack, typeof options.reject, typeof options.reply])
say("job", data)
const second = next(adopted, "job")
say("nack returns", options.nack(false, true))
const requeued = await second
say("requeued", requeued.data)
const third = next(adopted, "job")
say("reject returns", requeued.options.reject(true))
const rejected = await third
say("rejected", rejected.data)
rejected.options.reject(false)
await pause(100)
say("left", (await raw.checkQueue("workers:job")).messageCount)

// Calls
const replied = new Promise((resolve) => {
  broker.on("ask", async (question, { ack, reply }) => {
    ack()
    resolve((await reply(`${question} indeed`)) ?? "nothing")
  })
})
await broker.subscribe("ask")
say("call", await adopted.call("ask", "good"))
say("reply resolves to", await replied)
await broker.createQueue("silence")
say("nobody answers", await broker.call("silence", 1, { expiration: 80 }).catch((error) => error instanceof Error))
say("nobody answers", await broker.call("silence", 1, { expiration: "80" }).catch((error) => error instanceof Error))

// Codecs of one's own, and options of amqplib
await custom.connect(host)
await custom.createQueue("text")
custom.publish("text", "as it is", { headers: { mine: 1 }, contentType: "text/plain" })
const text = next(custom, "text")
await custom.subscribe("text")
say("own", (await text).data)
await custom.unsubscribe("text")
custom.publish("text", "as it is", { headers: { mine: 1 }, contentType: "text/plain", priority: 3 })
await pause(100)
const message = await raw.get("custom:text", { noAck: true })
say("properties", [
  message.content.toString(),
  message.properties.headers,
  message.properties.contentType,
  message.properties.priority,
])

// A listener that throws: the message is dropped, and the error told
const failed = next(broker, "error")
broker.on("bad", () => {
  throw new Error("the listener's own")
})
await broker.subscribe("bad")
broker.publish("bad", 1)
say("error", (await failed).data.message)
await pause(100)
say("left", (await raw.checkQueue("workers:bad")).messageCount)

say("unsubscribe resolves to", await broker.unsubscribe(["values", "never"]))
broker.publish("values", "stays")
await pause(100)
say("stays", (await raw.checkQueue("workers:values")).messageCount)
process.exit(0)
