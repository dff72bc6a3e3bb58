// What of a shard's events is published while its guilds change hands.

import { beforeEach, describe, expect, test } from "bun:test"
import type { EventBatch } from "../../../src/codec/batch.ts"
import type { Encoding } from "../../../src/codec/encoding.ts"
import type { PairChange, Side } from "../../../src/gateway/reshard/change.ts"
import { GuildGate } from "../../../src/gateway/reshard/guild-gate.ts"
import { SKEW_MS, timesOf } from "../../../src/gateway/reshard/hand-over.ts"
import { type HeldEvent, recordAt } from "../../../src/gateway/reshard/held-event.ts"
import { batchOf } from "../../fixtures/batches.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"

const ENCODING: Encoding = { body: "json", framing: { type: "bare" } }
const TIMES = timesOf(SKEW_MS)
/** Of shard 0 of 1, and of shards 0 and 1 of 2. */
const EVEN = String(2n << 22n)
const ODD = String(3n << 22n)

let clock: FakeClock
let released: string[]

beforeEach(() => {
  clock = new FakeClock()
  released = []
})

function open(side: Side, changes: ReadonlyMap<number, readonly PairChange[]> = new Map()): GuildGate {
  const set = side === "old" ? { shard: 0, count: 1, others: 2 } : { shard: 1, count: 2, others: 1 }
  const gate = new GuildGate({ side, ...set, encoding: ENCODING, times: TIMES, changes, clock })
  gate.onReleased((events) => released.push(...events.map(nameOfHeld)))
  gate.begin(side, 0)
  gate.live(true)
  return gate
}

const message = (guild: string | null, id: string) => ({
  event: "MESSAGE_CREATE",
  data: { id, ...(guild === null ? {} : { guild_id: guild }) },
})

/** Passes events with the sequences from `first` on. @returns the sequences that are published at once */
function pass(gate: GuildGate, first: number, events: readonly { event: string; data: unknown }[], session = "old") {
  const batch = batchOf(ENCODING, events, { firstSequence: first, sessionId: session })
  return sequencesOf(gate.pass(batch))
}

function sequencesOf(batch: EventBatch | null): readonly number[] {
  if (batch === null) return []
  return Array.from({ length: batch.count }, (_, index) => recordAt(batch, index).sequence)
}

function receivedAt(gate: GuildGate, sequence: number): number {
  gate.passed(sequence)
  return gate.received
}

function nameOfHeld({ sessionId, sequence }: HeldEvent): string {
  return `${sessionId}:${sequence}`
}

const change = (parts: Partial<PairChange> = {}): PairChange => ({
  ...{ attempt: "1", to: "new", old: { sessionId: "old", sequence: 2 }, new: { sessionId: "new", sequence: 4 } },
  streams: new Map(),
  ...parts,
})

describe("the old set's shard", () => {
  test("lets everything pass unread and without keys before its guilds may change hands", () => {
    const gate = open("old")
    const batch = batchOf(ENCODING, [message(ODD, "5")])
    expect(gate.pass(batch)).toBe(batch)
    expect(receivedAt(gate, 1)).toBe(1)
  })

  test("publishes everything as before, with keys, from then on", () => {
    const gate = open("old")
    gate.remember(1)
    const batch = batchOf(ENCODING, [message(ODD, "5"), { event: "PRESENCE_UPDATE", data: { guild_id: ODD } }])
    const passed = gate.pass(batch)
    expect(passed?.keys).toEqual(["MESSAGE_CREATE:5", null])
    expect(passed?.bytes).toBe(batch.bytes)
    expect(receivedAt(gate, 2)).toBe(2)
  })

  test("cannot tell what came last before it has remembered for long enough", () => {
    const gate = open("old")
    expect(gate.offer(1)).toBeNull()
    gate.remember(1)
    clock.advance(TIMES.tailMs - 1)
    expect(gate.isReady(1)).toBe(false)
    expect(gate.offer(1)).toBeNull()
    clock.advance(1)
    expect(gate.offer(1)).toEqual({ place: { sessionId: "old", sequence: 0 }, tails: new Map() })
  })

  test("tells what it published of a pair, and holds that pair's further events back", () => {
    const gate = open("old")
    gate.remember(1)
    clock.advance(TIMES.tailMs)
    expect(pass(gate, 1, [message(ODD, "1"), message(EVEN, "2")])).toEqual([1, 2])
    expect(receivedAt(gate, 2)).toBe(2)
    const offer = gate.offer(1)
    expect(offer?.place).toEqual({ sessionId: "old", sequence: 2 })
    expect([...(offer?.tails.keys() ?? [])]).toEqual([ODD])
    expect(pass(gate, 3, [message(EVEN, "3"), message(ODD, "4"), message(EVEN, "5")])).toEqual([3, 5])
    expect(receivedAt(gate, 5)).toBe(3)
    expect(gate.waiting.events).toBe(1)
  })

  test("publishes what it held back when nobody takes it, and is asked again", () => {
    const gate = offering()
    pass(gate, 3, [message(ODD, "3"), message(ODD, "4")])
    gate.withdrawn(1)
    expect(released).toEqual(["old:3", "old:4"])
    expect(receivedAt(gate, 4)).toBe(4)
    expect(gate.waiting.events).toBe(0)
    expect(gate.offer(1)?.tails.get(ODD)?.length).toBe(3)
  })

  test("drops it once it has changed hands, and everything of that pair after it", () => {
    const gate = offering()
    pass(gate, 3, [message(ODD, "3")])
    gate.changed(1, [change()])
    expect(released).toEqual([])
    expect(pass(gate, 4, [message(ODD, "4"), message(EVEN, "5"), message(null, "6")])).toEqual([5, 6])
    expect(receivedAt(gate, 6)).toBe(6)
    // A replay after a crash is decided as the events were.
    expect(pass(gate, 2, [message(ODD, "2"), message(ODD, "3")])).toEqual([2])
  })

  test("does not offer while it is not connected, nor before it was for long enough again", () => {
    const gate = open("old")
    gate.remember(1)
    clock.advance(TIMES.tailMs)
    gate.live(false)
    expect(gate.offer(1)).toBeNull()
    gate.live(true)
    clock.advance(TIMES.tailMs - 1)
    expect(gate.offer(1)).toBeNull()
    clock.advance(1)
    expect(gate.offer(1)).not.toBeNull()
  })

  test("publishes what it held back of a lost session before the next one's", () => {
    const gate = offering()
    pass(gate, 3, [message(ODD, "3")])
    gate.begin("old2", 0)
    expect(pass(gate, 1, [message(ODD, "4")], "old2")).toEqual([])
    expect(receivedAt(gate, 1)).toBe(0)
    gate.withdrawn(1)
    expect(released).toEqual(["old:3", "old2:1"])
  })

  test("publishes nothing of it any more once the shard runs elsewhere, and offers nothing", () => {
    const gate = offering()
    pass(gate, 3, [message(ODD, "3")])
    gate.close()
    gate.withdrawn(1)
    expect([released, gate.offer(1)]).toEqual([[], null])
  })

  test("needs no gap told once it has given everything away", () => {
    const gate = open("old")
    expect(gate.mayLose("old", 5)).toBe(true)
    gate.changed(0, [change()])
    expect(gate.mayLose("old", 5)).toBe(true)
    gate.changed(1, [change()])
    expect(gate.mayLose("old", 5)).toBe(false)
    // The events up to the change were to be published by it.
    expect(gate.mayLose("old", 1)).toBe(true)
  })

  function offering(): GuildGate {
    const gate = open("old")
    gate.remember(1)
    clock.advance(TIMES.tailMs)
    pass(gate, 2, [message(ODD, "2")])
    receivedAt(gate, 2)
    gate.offer(1)
    return gate
  }
})

describe("the new set's shard", () => {
  test("drops everything but what belongs to its own session, and counts it as received", () => {
    const gate = open("new")
    const chunk = { event: "GUILD_MEMBERS_CHUNK", data: { guild_id: ODD } }
    expect(pass(gate, 1, [message(ODD, "1"), chunk, message(ODD, "3")], "new")).toEqual([2])
    expect(receivedAt(gate, 3)).toBe(3)
    expect(gate.mayLose("new", 3)).toBe(false)
  })

  test("holds back, and forgets what is too old to matter", () => {
    const gate = open("new")
    gate.hold(0)
    expect(pass(gate, 1, [message(ODD, "1")], "new")).toEqual([])
    expect(receivedAt(gate, 1)).toBe(0)
    clock.advance(TIMES.holdMs)
    expect(receivedAt(gate, 1)).toBe(1)
    expect(gate.isReady(0)).toBe(true)
  })

  test("goes on behind what the other published, once that is stored", () => {
    const gate = ready()
    pass(gate, 3, [message(ODD, "3"), message(ODD, "4"), message(ODD, "5")], "new")
    receivedAt(gate, 5)
    const taking = gate.take(0, new Map([[ODD, tailOf(["3", "4"])]]), false)
    expect(taking).toEqual({
      ...{ type: "taken", streams: new Map([[ODD, 4]]) },
      place: { sessionId: "new", sequence: 5 },
    })
    expect(pass(gate, 6, [message(ODD, "6")], "new")).toEqual([])
    expect([released, receivedAt(gate, 6)]).toEqual([[], 2])
    gate.changed(0, [change({ new: { sessionId: "new", sequence: 5 }, streams: new Map([[ODD, 4]]) })])
    expect(released).toEqual(["new:5", "new:6"])
    expect(pass(gate, 7, [message(ODD, "7")], "new")).toEqual([7])
    expect(receivedAt(gate, 7)).toBe(7)
    // A replay after a crash.
    expect(pass(gate, 3, [message(ODD, "3"), message(ODD, "4"), message(ODD, "5")], "new")).toEqual([5])
  })

  test("holds back again what it did not get, and forgets nothing meanwhile", () => {
    const gate = ready()
    pass(gate, 3, [message(ODD, "3")], "new")
    expect(gate.take(0, new Map([[ODD, tailOf(["3"])]]), false)?.type).toBe("taken")
    clock.advance(2 * TIMES.holdMs)
    pass(gate, 4, [message(ODD, "4")], "new")
    expect(receivedAt(gate, 4)).toBe(2)
    gate.refused(0)
    expect([gate.mode(0), released, receivedAt(gate, 4)]).toEqual(["holding", [], 3])
  })

  test("waits for an event that was published and has not come, and says so where nothing agrees", () => {
    const gate = ready()
    expect(gate.take(0, new Map([[ODD, tailOf(["3"])]]), false)?.type).toBe("later")
    pass(gate, 3, [message(ODD, "4")], "new")
    expect(gate.take(0, new Map([[ODD, tailOf(["3"])]]), false)?.type).toBe("nowhere")
    expect(gate.take(0, new Map([[ODD, tailOf(["3"])]]), true)).toMatchObject({ streams: new Map([[ODD, 2]]) })
  })

  test("does not take over while it is not connected, or has not held back for long enough", () => {
    const gate = ready()
    gate.live(false)
    expect(gate.take(0, new Map(), false)).toBeNull()
    gate.live(true)
    expect(gate.take(0, new Map(), false)?.type).toBe("later")
    clock.advance(TIMES.holdMs)
    expect(gate.take(0, new Map(), false)?.type).toBe("taken")
  })

  test("begins anew with another session, whose first GUILD_CREATEs are no news", () => {
    const gate = ready()
    pass(gate, 3, [message(ODD, "3")], "new")
    gate.begin("new2", 0)
    gate.ready([ODD])
    expect(gate.isReady(0)).toBe(false)
    const created = { event: "GUILD_CREATE", data: { id: ODD } }
    pass(gate, 1, [created], "new2")
    expect(receivedAt(gate, 1)).toBe(1)
    pass(gate, 2, [created], "new2")
    expect(receivedAt(gate, 2)).toBe(1)
    gate.changed(0, [change()])
    expect(released).toEqual(["new2:2"])
  })

  test("publishes by what was stored before it came, and reads no more once nothing can come twice", () => {
    const gate = open("new", new Map([[0, [change()]]]))
    const passed = (first: number) =>
      gate.pass(batchOf(ENCODING, [message(ODD, "4"), message(ODD, "5")], { firstSequence: first, sessionId: "new" }))
    expect(sequencesOf(passed(4))).toEqual([5])
    expect(passed(5)?.keys).toEqual(["MESSAGE_CREATE:4", "MESSAGE_CREATE:5"])
    clock.advance(2 * TIMES.holdMs)
    expect(passed(5)?.keys).toBeUndefined()
    expect(sequencesOf(passed(4))).toEqual([5])
    expect([gate.isPublisher(0), gate.mayLose("new", 9)]).toEqual([true, true])
  })

  function ready(): GuildGate {
    const gate = open("new")
    gate.hold(0)
    clock.advance(TIMES.holdMs)
    receivedAt(gate, 2)
    return gate
  }

  /** What the other side tells of these messages. */
  function tailOf(ids: readonly string[]): readonly string[] {
    const other = open("old")
    other.remember(1)
    clock.advance(TIMES.tailMs)
    pass(
      other,
      1,
      ids.map((id) => message(ODD, id)),
    )
    return other.offer(1)?.tails.get(ODD) ?? []
  }
})
