// Two shards of one process, of the old set and of the new one, that do as they are told.

import { drainMicrotasks } from "bun:jsc"
import { beforeEach, describe, expect, test } from "bun:test"
import { publisherOf, type Side } from "../../../src/gateway/reshard/change.ts"
import { GuildGate } from "../../../src/gateway/reshard/guild-gate.ts"
import { SKEW_MS, timesOf } from "../../../src/gateway/reshard/hand-over.ts"
import { ORDER_LASTS_MS, PairHandOvers } from "../../../src/gateway/reshard/pair-hand-overs.ts"
import { batchOf } from "../../fixtures/batches.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"
import { AT_ONCE, ModelExchange } from "./model-exchange.ts"

const ENCODING = { body: "json", framing: { type: "bare" } } as const
const TIMES = timesOf(SKEW_MS)
const PAIR = { old: 0, new: 0 }
const STEP_MS = 100

let clock: FakeClock
let exchange: ModelExchange
let handOvers: PairHandOvers
let results: string[]
let gates: Readonly<Record<Side, GuildGate>>
/** How old the answers of Discord are, by side. */
let lateMs: Record<Side, number>
/** How long the broker takes to confirm. */
let confirmMs: number

beforeEach(async () => {
  clock = new FakeClock()
  exchange = new ModelExchange(1, 1)
  results = []
  lateMs = { old: 0, new: 0 }
  confirmMs = 0
  let attempts = 0
  handOvers = new PairHandOvers({
    ...{ exchange: exchange.connect(AT_ONCE), from: 1, to: 1, times: TIMES, clock, log: new RecordingLogger() },
    newAttempt: () => {
      attempts += 1
      return `attempt ${attempts}`
    },
    onAttempt: (result) => results.push(result),
  })
  gates = { old: gateOf("old"), new: gateOf("new") }
  attach("old")
  attach("new")
})

function gateOf(side: Side): GuildGate {
  const set = { shard: 0, count: 1, others: 1 }
  const gate = new GuildGate({ side, ...set, encoding: ENCODING, times: TIMES, changes: new Map(), clock })
  gate.begin(side, 0)
  gate.live(true)
  return gate
}

function attach(side: Side): void {
  handOvers.attach(side, 0, {
    gate: gates[side],
    flush: () => true,
    confirmed: () => new Promise((resolve) => clock.after(confirmMs, resolve)),
    probe: async () => clock.nowMs() - lateMs[side],
  })
}

/** Both get the event; it is the same, but for the part that is theirs. */
function receive(sequence: number, parts: Partial<Record<Side, string>> = {}): void {
  for (const side of ["old", "new"] as const) {
    const data = { content: `${sequence}${parts[side] ?? ""}` }
    const options = { firstSequence: sequence, sessionId: side }
    gates[side].pass(batchOf(ENCODING, [{ event: "MESSAGE_UPDATE", data }], options))
    gates[side].passed(sequence)
  }
}

function pass(ms: number, everyStep: () => void = () => {}): void {
  for (let passed = 0; passed < ms; passed += STEP_MS) {
    everyStep()
    clock.advance(STEP_MS)
    drainMicrotasks()
  }
}

/** Ordered again and again, as a leader does. */
function order(to: Side, forMs: number, everyStep?: () => void): void {
  for (let passed = 0; passed < forMs; passed += SKEW_MS) {
    handOvers.handOver(0, to)
    pass(SKEW_MS, everyStep)
  }
}

const publisher = () => publisherOf(exchange.changes(PAIR))

describe("the guilds of a pair", () => {
  test("change hands once both sides know for long enough what came last, and not before", () => {
    order("new", TIMES.holdMs - SKEW_MS)
    expect([publisher(), gates.old.mode(0), gates.new.mode(0)]).toEqual(["old", "remembering", "holding"])
    order("new", 2 * SKEW_MS)
    expect([publisher(), gates.old.isPublisher(0), gates.new.isPublisher(0)]).toEqual(["new", false, true])
    expect(results).toEqual(["changed"])
  })

  test("come back in the same way", () => {
    order("new", 2 * TIMES.holdMs)
    exchange.phase = "undoing"
    order("old", 2 * TIMES.holdMs)
    expect([publisher(), gates.old.isPublisher(0), gates.new.isPublisher(0)]).toEqual(["old", true, false])
    expect(exchange.changes(PAIR).map(({ to }) => to)).toEqual(["new", "old"])
  })

  test("stay where they are when nobody orders it any more, and nothing is held back", () => {
    handOvers.handOver(0, "new")
    pass(TIMES.holdMs / 2)
    expect(gates.new.mode(0)).toBe("holding")
    exchange.phase = "closing"
    pass(ORDER_LASTS_MS + 3 * TIMES.holdMs)
    expect([publisher(), gates.old.mode(0), gates.new.mode(0)]).toEqual(["old", "plain", "plain"])
  })

  test.each(["old", "new"] as const)("do not change hands while the %s side hears of events late", (side) => {
    lateMs[side] = SKEW_MS
    order("new", 3 * TIMES.holdMs)
    expect(publisher()).toBe("old")
    lateMs[side] = 0
    order("new", 2 * TIMES.holdMs)
    expect(publisher()).toBe("new")
  })

  test("go over in the end where the two sessions never have the same events, some of which come twice", () => {
    let sequence = 0
    order("new", 3 * TIMES.holdMs, () => {
      sequence += 1
      receive(sequence, { new: "!" })
    })
    expect(publisher()).toBe("new")
    expect(results).toEqual(["disagreed", "disagreed", "disagreed", "changed"])
  })

  test("go over in the end where the broker takes longer to confirm than an attempt lasts at first", () => {
    confirmMs = SKEW_MS / 2
    order("new", 4 * TIMES.holdMs)
    expect(publisher()).toBe("new")
    expect(results).toEqual([...Array(8).fill("unanswered"), "changed"])
  })

  test("are written down again by whoever knows, when Redis has forgotten it", () => {
    order("new", 2 * TIMES.holdMs)
    exchange.lose(PAIR, 1)
    expect(publisher()).toBe("old")
    pass(2 * SKEW_MS)
    expect(publisher()).toBe("new")
  })

  test("are offered no more by a shard that has left the process", () => {
    order("new", TIMES.holdMs - SKEW_MS)
    handOvers.detach("old", 0)
    order("new", 3 * SKEW_MS)
    expect([publisher(), results.includes("unanswered")]).toEqual(["old", true])
    attach("old")
    order("new", 2 * TIMES.holdMs)
    expect(publisher()).toBe("new")
  })
})
