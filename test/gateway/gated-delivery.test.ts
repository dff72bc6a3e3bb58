// Delivery while the bot is resharded: what is held back is neither published nor acknowledged, and comes out in its order.

import { beforeEach, describe, expect, test } from "bun:test"
import type { Broker } from "../../src/brokers/broker.ts"
import type { EventBatch } from "../../src/codec/batch.ts"
import { Delivery } from "../../src/gateway/delivery.ts"
import { DEFAULT_DELIVERY_LIMITS } from "../../src/gateway/delivery-options.ts"
import type { PairChange, Side } from "../../src/gateway/reshard/change.ts"
import { GuildGate } from "../../src/gateway/reshard/guild-gate.ts"
import { SKEW_MS, timesOf } from "../../src/gateway/reshard/hand-over.ts"
import { recordAt } from "../../src/gateway/reshard/held-event.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"
import { eventDecoder } from "./reshard/simulation/event-decoder.ts"

const ENCODING = { body: "json", framing: { type: "bare" } } as const
const TIMES = timesOf(SKEW_MS)
const LIMITS = { ...DEFAULT_DELIVERY_LIMITS, windowEvents: 3, stallMs: 1_000 }
/** The only pair is 0 and 0. */
const OTHER = 0

let clock: FakeClock
let decoder: ReturnType<typeof eventDecoder>
let delivery: Delivery
let published: string[]
let confirms: (() => void)[]
let told: string[]

beforeEach(() => {
  clock = new FakeClock()
  decoder = eventDecoder(["MESSAGE_CREATE"])
  published = []
  confirms = []
  told = []
  delivery = new Delivery({
    ...{ shard: 0, slot: 0, events: ["MESSAGE_CREATE"], decoder, broker: heldBroker(), clock, limits: LIMITS },
    soon: (run) => void clock.after(0, run),
    on: {
      acknowledged: ({ id }, sequence) => told.push(`acknowledged ${id}:${sequence}`),
      gapAnnounced: () => told.push("gap"),
      stalled: () => told.push("stalled"),
      drained: () => told.push("drained"),
      confirmed: () => {},
    },
  })
  delivery.begin({ id: "s", resumeUrl: null, startedMs: null }, 0)
})

function heldBroker(): Broker {
  const hold = (what: string) => {
    published.push(what)
    return new Promise<void>((resolve) => void confirms.push(resolve))
  }
  return {
    encoding: ENCODING,
    ended: new Promise(() => {}),
    publish: (batch) => hold(nameOf(batch)),
    announce: (event, data) => hold(`${event} ${JSON.stringify(data)}`),
    async *consume() {},
    call: () => Promise.reject(new Error("not here")),
    close: async () => {},
  }
}

/** `s 1 2 (a)`: the session, the sequences, the keys. */
function nameOf(batch: EventBatch): string {
  const sequences = Array.from({ length: batch.count }, (_, index) => recordAt(batch, index).sequence)
  const keys = batch.keys === undefined ? [] : [`(${batch.keys.join()})`]
  return [batch.sessionId, ...sequences, ...keys].join(" ")
}

function attach(side: Side): GuildGate {
  const set = { shard: 0, count: 1, others: 1 }
  const gate = new GuildGate({ side, ...set, encoding: ENCODING, times: TIMES, changes: new Map(), clock })
  delivery.attach(gate)
  gate.live(true)
  return gate
}

function receive(...sequences: readonly number[]): void {
  for (const s of sequences) {
    decoder.receive({ t: "MESSAGE_CREATE", s, d: { id: `m${s}` } })
    delivery.received(100)
  }
  clock.advance(0)
}

async function confirmAll(): Promise<void> {
  for (const confirm of confirms.splice(0)) confirm()
  for (let i = 0; i < 5; i += 1) await Promise.resolve()
}

const change = (sequence: number): PairChange => ({
  ...{ attempt: "1", to: "new", streams: new Map() },
  old: { sessionId: "s", sequence },
  new: { sessionId: "s", sequence },
})

describe("delivery through a gate", () => {
  test("begins behind what was decoded before, and ends where the gate goes", async () => {
    decoder.receive({ t: "MESSAGE_CREATE", s: 1, d: {} })
    delivery.received(100)
    attach("old").remember(OTHER)
    receive(2)
    decoder.receive({ t: "MESSAGE_CREATE", s: 3, d: { id: "m3" } })
    delivery.detach()
    await confirmAll()
    receive(4)
    expect(published).toEqual(["s 1", "s 2 (MESSAGE_CREATE:m2)", "s 3 (MESSAGE_CREATE:m3)", "s 4"])
    await confirmAll()
    expect(told.at(-1)).toBe("acknowledged s:4")
  })

  test("counts as received what another session publishes", async () => {
    attach("new")
    receive(1, 2)
    expect([published, told]).toEqual([[], ["acknowledged s:2"]])
  })

  test("acknowledges nothing from the first event on that is held back, and all once that is confirmed", async () => {
    const gate = attach("old")
    gate.remember(OTHER)
    receive(1)
    clock.advance(TIMES.tailMs)
    expect(gate.offer(OTHER)?.place).toEqual({ sessionId: "s", sequence: 1 })
    receive(2, 3)
    await confirmAll()
    expect(told).toEqual(["acknowledged s:1"])
    gate.withdrawn(OTHER)
    expect(published).toEqual(["s 1 (MESSAGE_CREATE:m1)", "s 2 3 (MESSAGE_CREATE:m2,MESSAGE_CREATE:m3)"])
    expect(told).toEqual(["acknowledged s:1"])
    await confirmAll()
    expect(told).toEqual(["acknowledged s:1", "acknowledged s:3"])
  })

  test("tells when all is confirmed that was published before the offer", async () => {
    const gate = attach("old")
    gate.remember(OTHER)
    receive(1)
    let isConfirmed = false
    void delivery.confirmed().then(() => {
      isConfirmed = true
    })
    await Promise.resolve()
    expect(isConfirmed).toBe(false)
    await confirmAll()
    expect(isConfirmed).toBe(true)
  })

  test("what waits for a decision fills the window, and makes room when it goes to the other session", async () => {
    const gate = attach("old")
    gate.remember(OTHER)
    clock.advance(TIMES.tailMs)
    gate.offer(OTHER)
    receive(1, 2, 3)
    receive(4)
    expect(delivery.isBehind).toBe(true)
    clock.advance(LIMITS.stallMs)
    expect(told).toEqual(["stalled"])
    gate.changed(OTHER, [change(0)])
    expect(told).toEqual(["stalled", "acknowledged s:4", "drained"])
    expect(published).toEqual([])
  })

  test("tells of a gap only where it would have published what is lost", async () => {
    attach("new")
    receive(1)
    delivery.announceGap("s", 1)
    expect([published, told]).toEqual([[], ["acknowledged s:1", "gap"]])
    attach("old")
    delivery.begin({ id: "t", resumeUrl: null, startedMs: null }, 0)
    decoder.resume("t", 0)
    receive(1)
    delivery.announceGap("t", 1)
    expect(published.at(-1)).toBe('GATEWAY_GAP {"shard":0,"session_id":"t","last_seq":1}')
  })
})
