// A reshard, rule by rule.

import { describe, expect, test } from "bun:test"
import {
  ledBy,
  newReshard,
  type ReshardEffect,
  type ReshardInput,
  type ReshardState,
} from "../../../src/gateway/reshard/state.ts"
import { HAND_OVERS_AT_ONCE, step } from "../../../src/gateway/reshard/step.ts"

class Led {
  state: ReshardState
  effects: readonly ReshardEffect[] = []

  constructor(from = 2, to = 4, state = ledBy(newReshard("r", from, to))) {
    this.state = state
  }

  give(input: ReshardInput): this {
    const { state, effects } = step(this.state, input)
    this.state = state
    this.effects = effects
    return this
  }

  /** Redis has taken the phase that the last input asked it to. */
  stored(): this {
    const store = this.effects.find((effect) => effect.type === "store")
    if (store?.type !== "store") throw new Error("nothing is to be stored")
    const { phase, reason } = store
    return this.give({ type: "stored", record: { ...this.state.record, phase, reason } })
  }

  of<T extends ReshardEffect["type"]>(type: T): readonly Extract<ReshardEffect, { type: T }>[] {
    return this.effects.filter((effect): effect is Extract<ReshardEffect, { type: T }> => effect.type === type)
  }

  /** Every shard of the new set is live. */
  opened(): this {
    this.give({ type: "lead" })
    for (let shard = 0; shard < this.state.record.to; shard += 1)
      this.give({ type: "live", shards: [shard], isLive: true })
    return this.stored()
  }
}

describe("opening", () => {
  test("starts every session of the new set, and lets no guild go over before all of them are live", () => {
    const led = new Led().give({ type: "lead" })
    expect(led.of("open").map(({ shard }) => shard)).toEqual([0, 1, 2, 3])
    for (const shard of [0, 1, 2]) expect(led.give({ type: "live", shards: [shard], isLive: true }).effects).toEqual([])
    expect(led.give({ type: "live", shards: [3], isLive: true }).effects).toEqual([
      { type: "store", phase: "cutting", reason: null },
    ])
  })

  test("waits for a shard that went down again", () => {
    const led = new Led(1, 2).give({ type: "lead" }).give({ type: "live", shards: [0], isLive: true })
    led.give({ type: "live", shards: [0], isLive: false }).give({ type: "live", shards: [1], isLive: true })
    expect(led.effects).toEqual([])
  })
})

describe("cutting", () => {
  test("begins once that is stored, a bounded number of shards at a time", () => {
    const led = new Led(10, 20).opened()
    expect(led.of("hand-over").length).toBe(HAND_OVERS_AT_ONCE)
    led.give({ type: "handed-over", shards: [0], to: "new" })
    expect(led.of("hand-over")).toEqual([{ type: "hand-over", shard: HAND_OVERS_AT_ONCE, to: "new" }])
    expect(led.state.record.cut).toEqual([0])
  })

  test("goes on by parts of a large set, lest it takes days", () => {
    expect(new Led(640, 1_280).opened().of("hand-over")).toHaveLength(20)
  })

  test("a hand-over that did not work is put off, and done again", () => {
    const led = new Led(1, 1).opened().give({ type: "not-handed-over", shards: [0] })
    expect(led.effects).toEqual([{ type: "retry-later" }])
    expect(led.give({ type: "retry" }).of("hand-over")).toHaveLength(1)
  })

  test("a shard that is not live gets no guilds until it is again", () => {
    const led = new Led(1, 1).opened().give({ type: "not-handed-over", shards: [0] })
    led.give({ type: "live", shards: [0], isLive: false })
    expect(led.give({ type: "retry" }).effects).toEqual([])
    expect(led.give({ type: "live", shards: [0], isLive: true }).of("hand-over")).toHaveLength(1)
  })

  test("ends with the old set closed, and then with the end", () => {
    const led = new Led(1, 2).opened()
    led.give({ type: "handed-over", shards: [0], to: "new" }).give({ type: "handed-over", shards: [1], to: "new" })
    expect(led.stored().effects).toEqual([{ type: "close", set: "old" }])
    led.give({ type: "closed", set: "old" }).stored()
    expect(led.effects).toEqual([{ type: "finished", outcome: "done", reason: null }])
  })
})

describe("undoing", () => {
  test("while opening only closes the new set", () => {
    const led = new Led().give({ type: "lead" }).give({ type: "undo", reason: "Discord refuses 4 shards" }).stored()
    expect(led.effects).toEqual([{ type: "close", set: "new" }])
    led.give({ type: "closed", set: "new" }).stored()
    expect(led.effects).toEqual([{ type: "finished", outcome: "undone", reason: "Discord refuses 4 shards" }])
  })

  test("while cutting lets what went over come back before the new set closes", () => {
    const led = new Led(1, 2).opened().give({ type: "handed-over", shards: [0], to: "new" })
    led.give({ type: "undo", reason: "an operator" }).stored()
    expect(led.effects).toEqual([{ type: "hand-over", shard: 0, to: "old" }])
    // What was in hand cannot be stored any more, and is told so.
    expect(led.give({ type: "not-handed-over", shards: [1] }).effects).toEqual([{ type: "retry-later" }])
    expect(led.give({ type: "handed-over", shards: [0], to: "old" }).effects).toEqual([{ type: "close", set: "new" }])
  })

  test("is too late once the old set is closing", () => {
    const led = new Led(1, 1)
      .opened()
      .give({ type: "handed-over", shards: [0], to: "new" })
      .stored()
    expect(led.give({ type: "undo", reason: "late" }).effects).toEqual([])
    expect(led.state.record.phase).toBe("closing")
  })
})

describe("another leader", () => {
  test("goes on from the record: opens what it cannot know to be open, and cuts what is not cut", () => {
    const record = { ...newReshard("r", 2, 4), phase: "cutting", cut: [0, 2] } as const
    const led = new Led(2, 4, ledBy(record)).give({ type: "lead" })
    expect(led.of("open")).toHaveLength(4)
    expect(led.of("hand-over")).toEqual([])
    for (const shard of [0, 1, 2, 3]) led.give({ type: "live", shards: [shard], isLive: true })
    expect([...led.state.inHand]).toEqual([1, 3])
  })

  test("of a reshard that is being undone opens nothing", () => {
    const record = { ...newReshard("r", 2, 4), phase: "undoing", reason: "why", cut: [1] } as const
    expect(new Led(2, 4, ledBy(record)).give({ type: "lead" }).effects).toEqual([
      { type: "hand-over", shard: 1, to: "old" },
    ])
  })
})
