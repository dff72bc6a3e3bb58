// The delivery contract: what is confirmed, what is acknowledged, and what happens when the broker is slow.

import { beforeEach, describe, expect, test } from "bun:test"
import { type Broker, BrokerClosedError } from "../../src/brokers/broker.ts"
import type { Decoder } from "../../src/codec/decoder.ts"
import { Delivery } from "../../src/gateway/delivery.ts"
import { DEFAULT_DELIVERY_LIMITS, type DeliveryLimits } from "../../src/gateway/delivery-options.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"
import { linesOf, modelDecoder } from "./simulation/model-decoder.ts"

const LIMITS = { ...DEFAULT_DELIVERY_LIMITS, windowEvents: 4, backlogBytes: 100, stallMs: 1_000 }
const SESSION = { id: "s", resumeUrl: null, startedMs: null }

interface Publish {
  readonly lines: readonly string[]
  readonly confirm: () => void
  readonly fail: (error: Error) => void
}

let clock: FakeClock
let decoder: Decoder
let delivery: Delivery
let publishes: Publish[]
let acknowledged: string[]
let told: string[]

beforeEach(() => {
  clock = new FakeClock()
  decoder = modelDecoder()
  publishes = []
  acknowledged = []
  told = []
  delivery = newDelivery(LIMITS)
  decoder.resume("s", 0)
})

function newDelivery(limits: DeliveryLimits): Delivery {
  const made = new Delivery({
    shard: 0,
    slot: 0,
    events: ["EVENT"],
    decoder,
    broker: heldBroker(),
    clock,
    soon: (run) => void clock.after(0, run),
    limits,
    on: {
      acknowledged: ({ id }, sequence) => acknowledged.push(`${id}:${sequence}`),
      gapAnnounced: () => told.push("gap"),
      stalled: () => told.push("stalled"),
      drained: () => told.push("drained"),
      confirmed: (events) => told.push(`confirmed ${events}`),
    },
  })
  made.begin(SESSION, 0)
  return made
}

function heldBroker(): Broker {
  const hold = (lines: readonly string[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    publishes.push({ lines, confirm: resolve, fail: reject })
    return promise
  }
  return {
    encoding: { body: "json", framing: { type: "bare" } },
    ended: new Promise(() => {}),
    publish: ({ bytes }) => hold(linesOf(bytes)),
    announce: (event) => hold([event]),
    async *consume() {},
    call: () => Promise.reject(new Error("not here")),
    close: async () => {},
  }
}

function receive(sequence: number, t = "EVENT"): void {
  const bytes = new TextEncoder().encode(JSON.stringify({ op: 0, t, s: sequence, d: {} }))
  decoder.push(bytes)
  delivery.received(bytes.length)
}

async function confirm(index: number): Promise<void> {
  publishes[index]?.confirm()
  await settle()
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await Promise.resolve()
}

describe("delivery", () => {
  test("publishes what one tick brought as one batch, in order", () => {
    receive(1)
    receive(2)
    expect(publishes).toEqual([])
    clock.advance(0)
    expect(publishes.map(({ lines }) => lines)).toEqual([["s:1", "s:2"]])
  })

  test("does not wait for the end of the tick once 64 frames have come", () => {
    for (let sequence = 1; sequence <= 64; sequence += 1) receive(sequence)
    expect(publishes[0]?.lines.length).toBe(64)
  })

  test("acknowledges only the confirmed prefix", async () => {
    for (const sequence of [1, 2, 3]) {
      receive(sequence)
      clock.advance(0)
    }
    await confirm(1)
    expect(acknowledged).toEqual([])
    await confirm(0)
    expect(acknowledged).toEqual(["s:1", "s:2"])
    await confirm(2)
    expect(acknowledged).toEqual(["s:1", "s:2", "s:3"])
  })

  test("acknowledges dispatches that nobody asked for, behind what was published before them", async () => {
    receive(1, "DROPPED")
    clock.advance(0)
    expect(acknowledged).toEqual(["s:1"])
    receive(2)
    clock.advance(0)
    receive(3, "DROPPED")
    clock.advance(0)
    expect(acknowledged).toEqual(["s:1"])
    await confirm(0)
    expect(acknowledged).toEqual(["s:1", "s:2", "s:3"])
  })

  test("a full window keeps events in the decoder, and too long a stall is told", async () => {
    for (let sequence = 1; sequence <= 4; sequence += 1) receive(sequence)
    clock.advance(0)
    receive(5)
    clock.advance(0)
    expect(publishes.length).toBe(1)
    expect(decoder.pendingEvents()).toBe(1)
    clock.advance(LIMITS.stallMs)
    expect(told).toEqual(["stalled"])
    await confirm(0)
    expect(told).toEqual(["stalled", "confirmed 4", "drained"])
    expect(publishes[1]?.lines).toEqual(["s:5"])
  })

  test("a stall that ends in time is nobody's business", async () => {
    for (let sequence = 1; sequence <= 4; sequence += 1) receive(sequence)
    clock.advance(0)
    receive(5)
    clock.advance(LIMITS.stallMs / 2)
    await confirm(0)
    clock.advance(LIMITS.stallMs * 2)
    expect(told).toEqual(["confirmed 4"])
  })

  test("too many bytes behind a full window are a stall at once", () => {
    for (let sequence = 1; sequence <= 4; sequence += 1) receive(sequence)
    clock.advance(0)
    for (let sequence = 5; sequence <= 20; sequence += 1) {
      receive(sequence)
      clock.advance(0)
    }
    expect(told).toEqual(["stalled"])
  })

  test("while the broker is busy, events wait for a whole batch or for a confirm", async () => {
    delivery = newDelivery(DEFAULT_DELIVERY_LIMITS)
    for (let sequence = 1; sequence <= 10; sequence += 1) {
      receive(sequence)
      clock.advance(0)
    }
    expect(publishes.length).toBe(8)
    await confirm(0)
    expect(publishes[8]?.lines).toEqual(["s:9", "s:10"])
    for (let sequence = 11; sequence < 10 + 512; sequence += 1) receive(sequence)
    expect(publishes.length).toBe(9)
    receive(10 + 512)
    expect(publishes[9]?.lines.length).toBe(512)
  })

  test("what came behind a full window goes out in batches, each acknowledged by its own last event", async () => {
    delivery = newDelivery({ ...DEFAULT_DELIVERY_LIMITS, windowEvents: 1 })
    receive(1)
    clock.advance(0)
    for (let sequence = 2; sequence <= 601; sequence += 1) receive(sequence)
    receive(602, "DROPPED")
    await confirm(0)
    await confirm(1)
    await confirm(2)
    expect(publishes.map(({ lines }) => lines.length)).toEqual([1, 512, 88])
    expect(acknowledged).toEqual(["s:1", "s:513", "s:602"])
  })

  test("the end of a connection publishes everything, whatever the window says", () => {
    for (let sequence = 1; sequence <= 4; sequence += 1) receive(sequence)
    clock.advance(0)
    receive(5)
    delivery.flushAll()
    expect(publishes.length).toBe(2)
    expect(delivery.windowEvents).toBe(5)
  })

  test("a gap is announced after everything before it, and only then forgotten", async () => {
    receive(1)
    delivery.flushAll()
    delivery.announceGap("s", 1)
    expect(publishes.map(({ lines }) => lines)).toEqual([["s:1"], ["GATEWAY_GAP"]])
    await confirm(1)
    expect(told).toEqual([])
    await confirm(0)
    expect(told).toEqual(["confirmed 1", "gap"])
  })

  test("a broker that is over acknowledges nothing more, and holds no shutdown up", async () => {
    receive(1)
    delivery.flushAll()
    const drained = delivery.drained()
    publishes[0]?.fail(new BrokerClosedError("closed"))
    await drained
    receive(2)
    delivery.flushAll()
    expect(acknowledged).toEqual([])
    expect(publishes.length).toBe(1)
  })

  test("marks behind a stuck publish do not pile up", async () => {
    receive(1)
    clock.advance(0)
    for (let sequence = 2; sequence < 1_000; sequence += 1) {
      receive(sequence, "DROPPED")
      clock.advance(0)
    }
    await confirm(0)
    expect(acknowledged).toEqual(["s:1", "s:999"])
  })
})
