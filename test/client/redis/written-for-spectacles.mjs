// A command handler as it is written for `@spectacles/brokers` over Redis. It says what it sees, a JSON value a line.
// Usage: node written-for-spectacles.mjs PACKAGE REDIS_URL [CLIENT]

import { EventEmitter } from "node:events"

const [packageName, url, clientName = "ioredis"] = process.argv.slice(2)
const { default: Client } = await import(clientName)
const { Redis } = await import(packageName)

const say = (what, value) => process.stdout.write(`${JSON.stringify([what, value ?? null])}\n`)
const next = (broker, event) =>
  new Promise((resolve) => broker.once(event, (data, options) => resolve({ data, options })))
const client = new Client(url)
const raw = new Client(url)

// Construction
const plain = new Redis("plain", new Client(url))
say("fields", [plain.group, /^[0-9a-f]{40}$/.test(plain.name), plain.blockInterval, plain.maxChunk])
say("is an emitter", plain instanceof EventEmitter)
say("keeps the client", plain.redis instanceof Client)
plain.disconnect()
const broker = new Redis("workers", client, { blockInterval: 100, maxChunk: 3, name: "first" })
say("options", [broker.name, broker.blockInterval, broker.maxChunk, broker.redis === client])

// Bodies
const values = [
  null,
  true,
  0,
  7,
  -1,
  1.5,
  "text",
  "ü👍",
  [],
  {},
  { a: [1, { b: null }] },
  2 ** 40,
  undefined,
  new Uint8Array([1, 2]),
]
for (const value of values) {
  const id = await broker.publish("values", value)
  say("publishes", [typeof id, /^\d+-\d+$/.test(id)])
}
await broker.publish("values", Buffer.from([0xc3]))
for (const [, [field, data]] of await raw.xrangeBuffer("values", "-", "+"))
  say("entry", [String(field), data.toString("hex")])
say("bytes", [
  broker.serialize({ a: 1 }).toString("hex"),
  Buffer.isBuffer(broker.serialize(1)),
  broker.deserialize(Buffer.from([0x81, 0xa1, 0x61, 1])),
])
say("one byte", [broker.deserialize(Buffer.from([0x31])), broker.deserialize(Buffer.from([0xff]))])

// What was published before the first subscription arrives too, in order
const seen = []
const acked = []
const all = new Promise((resolve) => {
  broker.on("values", async (data, { ack }) => {
    seen.push(data instanceof Uint8Array ? ["bytes", ...data] : data)
    acked.push((await ack()) ?? "nothing")
    if (acked.length === values.length + 1) resolve()
  })
})
say("subscribe resolves to", await broker.subscribe("values"))
await all
say("seen", seen)
say("ack resolves to", acked)
say("pending", (await raw.xpending("values", "workers"))[0])
say("groups", (await raw.xinfo("GROUPS", "values"))[0].slice(0, 4))

// Several events, once, off
const [a, b] = [next(broker, "a"), next(broker, "b")]
await broker.subscribe(["a", "b"])
await broker.publish("a", "for a")
await broker.publish("b", "for b")
for (const { data, options } of [await a, await b]) {
  say("options", [typeof options.ack, typeof options.reply])
  say("data", data)
  await options.ack()
}

// Never acknowledged: pending
const keeping = next(broker, "a")
await broker.publish("a", "kept")
const { data: kept } = await keeping
say("kept", [kept, (await raw.xpending("a", "workers"))[0]])

// Calls
const replied = new Promise((resolve) => {
  broker.on("ask", async (data, { ack, reply }) => {
    await ack()
    await new Promise((wait) => setTimeout(wait, 50))
    resolve((await reply(`${data} indeed`)) ?? "nothing")
  })
})
await broker.subscribe("ask")
say("call", await broker.call("ask", "good"))
say("reply resolves to", await replied)
const silent = await broker.call("nobody", 1, { timeout: 80 }).catch((error) => error instanceof Error)
say("nobody answers", silent)

// A second worker of the group, and another group
const second = new Redis("workers", new Client(url), { blockInterval: 100, name: "second" })
const other = new Redis("others", new Client(url), { blockInterval: 100 })
const shared = []
let others = 0
for (const worker of [broker, second]) {
  worker.on("shared", async (data, { ack }) => {
    await ack()
    shared.push(data)
  })
}
other.on("shared", async (_, { ack }) => {
  await ack()
  others += 1
})
for (const worker of [broker, second, other]) await worker.subscribe("shared")
for (let index = 0; index < 20; index += 1) await broker.publish("shared", index)
while (shared.length < 20 || others < 20) await new Promise((resolve) => setTimeout(resolve, 10))
say("shared", [shared.sort((x, y) => x - y), others])

// A serializer of one's own
const other2 = new Redis("json", new Client(url), { blockInterval: 100 })
other2.serialize = (data) => Buffer.from(JSON.stringify(data))
other2.deserialize = (bytes) => JSON.parse(bytes.toString())
const own = next(other2, "json")
await other2.subscribe("json")
await other2.publish("json", { own: true })
say("own", (await own).data)
say("own bytes", (await raw.xrange("json", "-", "+"))[0][1])

// A listener that throws
const failed = next(second, "error")
second.on("bad", () => {
  throw new Error("the listener's own")
})
await second.subscribe("bad")
await second.publish("bad", 1)
say("error", (await failed).data.message)

say("unsubscribe resolves to", await other.unsubscribe("shared"))
for (const worker of [broker, second, other, other2]) {
  // The original tells of its reads that this ends.
  worker.on("error", () => {})
  say("disconnect returns", worker.disconnect())
}
raw.disconnect()
