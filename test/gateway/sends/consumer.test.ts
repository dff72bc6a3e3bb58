// Packets from the broker, to the right shard or refused, and acknowledged in any case.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import type { Broker } from "../../../src/brokers/broker.ts"
import { memoryBroker } from "../../../src/brokers/memory/broker.ts"
import { MemoryHub } from "../../../src/brokers/memory/hub.ts"
import type { Body } from "../../../src/codec/encoding.ts"
import { systemClock } from "../../../src/flow/clock.ts"
import { consumeSends } from "../../../src/gateway/sends/consumer.ts"
import type { Refusal } from "../../../src/gateway/sends/rules.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"
import { until } from "../../fixtures/running-gateway.ts"

/** In shard 1 of 4. */
const GUILD = String(1n << 22n)
const PACKET = { op: 3, d: { since: null, activities: [], status: "online", afk: false } }
const SHARD_COUNT = 4

let hub: MemoryHub
let stop: AbortController
let sent: { shard: number; json: string }[]
let refusals: Refusal[]
/** Shards write nothing, and refuse what waits when they are stopped. */
let offline: boolean

beforeEach(() => {
  hub = new MemoryHub()
  stop = new AbortController()
  sent = []
  refusals = []
  offline = false
})
afterEach(() => stop.abort())

/** A gateway that runs these shards. */
function gateway(shardIds: readonly number[], body: Body = "msgpack"): void {
  const memory = memoryBroker({ hub, group: "gateway" })
  const broker: Broker = {
    ...{ ended: memory.ended, encoding: { body, framing: { type: "bare" } } },
    publish: (batch) => memory.publish(batch),
    announce: (event, data) => memory.announce(event, data),
    consume: (events, signal) => memory.consume(events, signal),
    call: (event, data, options) => memory.call(event, data, options),
    close: (options) => memory.close(options),
  }
  const targets = {
    shardCount: SHARD_COUNT,
    shard: (id: number) =>
      shardIds.includes(id)
        ? async ({ json }: { readonly json: string }) => {
            if (offline) return await stopped(stop.signal)
            sent.push({ shard: id, json })
            return null
          }
        : undefined,
  }
  const onRefused = (refusal: Refusal) => refusals.push(refusal)
  void consumeSends({ broker, targets, shardIds, log: new RecordingLogger(), onRefused, signal: stop.signal })
}

function stopped(signal: AbortSignal): Promise<Refusal> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve({ reason: "stopped", message: "The gateway is stopping." }))
  })
}

const publish = (event: string, data: unknown) => memoryBroker({ hub, group: "workers" }).announce(event, data)

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

describe("a packet", () => {
  test("for a guild goes to the shard that the guild follows from", async () => {
    gateway([0, 1, 2, 3])
    await publish("SEND", { guild_id: GUILD, packet: PACKET })
    await settled()
    expect(sent).toEqual([{ shard: 1, json: JSON.stringify(PACKET) }])
  })

  test("under a shard's id goes to that shard", async () => {
    gateway([2])
    await publish("2", PACKET)
    await settled()
    expect(sent.map(({ shard }) => shard)).toEqual([2])
  })

  test("for a shard of another gateway is passed on to it, once", async () => {
    gateway([0])
    await publish("SEND", { guild_id: GUILD, packet: PACKET })
    await settled()
    expect(hub.entries("1").length).toBe(1)
    gateway([1])
    await settled()
    expect(sent).toEqual([{ shard: 1, json: JSON.stringify(PACKET) }])
    expect(refusals).toEqual([])
  })

  test("in discord.js' form names its shard, where the broker speaks that form", async () => {
    gateway([0, 3], "discordjs")
    await publish("gateway_send", { payload: PACKET, shardId: 3 })
    await publish("SEND", { guild_id: String(3n << 22n), packet: PACKET })
    await settled()
    expect(sent.map(({ shard }) => shard)).toEqual([3, 3])
  })

  test("in discord.js' form for another gateway's shard is passed on as it is", async () => {
    gateway([0], "discordjs")
    await publish("gateway_send", { payload: PACKET, shardId: 1 })
    await settled()
    gateway([1], "discordjs")
    await settled()
    expect(sent).toEqual([{ shard: 1, json: JSON.stringify(PACKET) }])
  })

  test.each([
    ["without a shard", "malformed", "gateway_send", { payload: PACKET }],
    ["with an opcode of the gateway's own", "forbidden-opcode", "gateway_send", { payload: { op: 2 }, shardId: 0 }],
    ["for a shard that the bot has not", "unknown-shard", "gateway_send", { payload: PACKET, shardId: 4 }],
    ["for shard -1", "unknown-shard", "gateway_send", { payload: PACKET, shardId: -1 }],
    ["that is a list", "malformed", "gateway_send", [1]],
    ["without a guild", "malformed", "SEND", { packet: PACKET }],
    ["on a shard's event with a forbidden opcode", "forbidden-opcode", "0", { op: 2, d: {} }],
  ])("#31 %s is refused once as %s, and not delivered again", async (_what, reason, event, data) => {
    gateway([0], "discordjs")
    await publish(event, data)
    await settled()
    expect(refusals.map((refusal): string => refusal.reason)).toEqual([reason])
    stop.abort()
    await settled()
    stop = new AbortController()
    gateway([0], "discordjs")
    await settled()
    expect(refusals.length).toBe(1)
  })

  test("#31 nested deeper than any stack is refused, and the gateway goes on", async () => {
    gateway([0, 1, 2, 3])
    const levels = 100_000
    const deep = `{"guild_id":"${GUILD}","packet":${"[".repeat(levels)}${"]".repeat(levels)}}`
    hub.append({ event: "SEND", id: "", body: Buffer.from(deep), reply: null })
    await publish("SEND", { guild_id: GUILD, packet: PACKET })
    await until(() => sent.length === 1)
    expect(refusals.map(({ reason }): string => reason)).toEqual(["malformed"])
  })

  test("that a stopping gateway could not send goes to the next one", async () => {
    offline = true
    gateway([0, 1, 2, 3])
    await publish("SEND", { guild_id: GUILD, packet: PACKET })
    await settled()
    stop.abort()
    await settled()
    offline = false
    stop = new AbortController()
    gateway([0, 1, 2, 3])
    await settled()
    expect(sent).toEqual([{ shard: 1, json: JSON.stringify(PACKET) }])
    expect(refusals).toEqual([])
  })
})

describe("where shards move", () => {
  test("what comes for a shard that has just left is published again for whoever runs it, once it is no longer read here", async () => {
    const broker = memoryBroker({ hub, group: "gateway" })
    const left = new AbortController()
    const targets = { shardCount: SHARD_COUNT, shard: () => undefined }
    const onRefused = (refusal: Refusal) => refusals.push(refusal)
    void consumeSends({
      ...{ broker, targets, shardIds: [1], log: new RecordingLogger(), onRefused, signal: left.signal },
      moving: { ownOnly: true, clock: systemClock },
    })
    await broker.announce("1", PACKET)
    await until(() => hub.entries("1").length === 1)
    left.abort()
    await until(() => hub.entries("1").length === 2)
    gateway([1])
    await until(() => sent.length === 1)
    expect(sent[0]?.shard).toBe(1)
    expect(refusals).toEqual([])
  })
})
