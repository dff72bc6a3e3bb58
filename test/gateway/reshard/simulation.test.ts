// Reshards from random seeds: leaders that crash at any point, sessions that come and go, hand-overs that fail, orders to undo.
// The world keeps the record as Redis would; the leader knows only what it is told. `SIMULATION_SEED=n` runs one alone.

import { expect, test } from "bun:test"
import {
  ledBy,
  newReshard,
  type ReshardEffect,
  type ReshardInput,
  type ReshardRecord,
  type ReshardState,
} from "../../../src/gateway/reshard/state.ts"
import { step } from "../../../src/gateway/reshard/step.ts"
import { type Random, seeded } from "../simulation/random.ts"
import { runWorld, type WorldOptions } from "./simulation/reshard-world.ts"

const SCHEDULES = 10_000
const STORM_STEPS = 60
const CALM_STEPS = 2_000

class World {
  readonly problems: string[] = []
  readonly #random: Random
  #record: ReshardRecord
  #leader: ReshardState
  /** What was asked for and is not done yet, by the present leader or one before. */
  #pending: ReshardEffect[] = []
  /** Told to the leader in the order in which it happened; a crash forgets them. */
  #inputs: ReshardInput[] = []
  readonly #open = new Set<number>()
  #isOldOpen = true
  isFinished = false
  outcome = ""
  crashes = 0

  constructor(random: Random) {
    this.#random = random
    const from = 1 + random.int(6)
    this.#record = newReshard("r", from, 1 + random.int(12))
    this.#leader = ledBy(this.#record)
    this.#inputs = [{ type: "lead" }]
  }

  run(): void {
    for (let i = 0; i < STORM_STEPS && !this.isFinished; i += 1) this.#turn(true)
    for (let i = 0; i < CALM_STEPS && !this.isFinished; i += 1) this.#turn(false)
    if (!this.isFinished) this.problems.push(`it never ended: ${JSON.stringify(this.#record)}`)
    if (this.outcome === "done" && this.#record.cut.length !== this.#record.to) this.problems.push("not all is cut")
    if (this.outcome === "undone" && !this.#isOldOpen) this.problems.push("the old set is gone")
  }

  #turn(isStorm: boolean): void {
    const random = this.#random
    if (isStorm && random.chance(0.04)) this.#crash()
    if (isStorm && random.chance(0.02)) this.#inputs.push({ type: "undo", reason: "an operator" })
    if (isStorm && random.chance(0.05)) this.#dropOne()
    const input = this.#inputs.shift()
    if (input !== undefined) {
      const { state, effects } = step(this.#leader, input)
      this.#leader = state
      this.#pending.push(...effects)
    }
    if (this.#pending.length === 0) return
    const [effect] = this.#pending.splice(isStorm ? random.int(this.#pending.length) : 0, 1)
    if (effect !== undefined) this.#carryOut(effect, isStorm)
  }

  /** The leader forgets all but the record. What it had asked for may still be done. */
  #crash(): void {
    this.crashes += 1
    this.#leader = ledBy(this.#record)
    this.#inputs = [{ type: "lead" }]
    this.#pending = this.#pending.filter(({ type }) => type === "hand-over" || type === "open")
    for (const shard of this.#open) this.#inputs.push({ type: "live", shards: [shard], isLive: true })
  }

  /** A session of the new set loses its connection, and has it again. */
  #dropOne(): void {
    const [shard] = this.#open
    if (shard === undefined) return
    this.#inputs.push({ type: "live", shards: [shard], isLive: false }, { type: "live", shards: [shard], isLive: true })
  }

  #carryOut(effect: ReshardEffect, isStorm: boolean): void {
    switch (effect.type) {
      case "store":
        this.#record = { ...this.#record, phase: effect.phase, reason: effect.reason }
        this.#inputs.push({ type: "stored", record: this.#record })
        return
      case "open":
        if (this.#record.phase === "undoing" || this.#record.phase === "undone") return
        this.#open.add(effect.shard)
        this.#inputs.push({ type: "live", shards: [effect.shard], isLive: true })
        return
      case "hand-over":
        return this.#handOver(effect, isStorm)
      case "close":
        return this.#close(effect.set)
      case "retry-later":
        this.#inputs.push({ type: "retry" })
        return
      case "finished":
        this.isFinished = true
        this.outcome = effect.outcome
    }
  }

  /** As the script that stores it: refused in every other phase. */
  #handOver({ shard, to }: Extract<ReshardEffect, { type: "hand-over" }>, isStorm: boolean): void {
    const { phase, cut } = this.#record
    const isAllowed = phase === (to === "new" ? "cutting" : "undoing")
    if (!isAllowed || (isStorm && this.#random.chance(0.3)) || (to === "new" && !this.#open.has(shard))) {
      this.#inputs.push({ type: "not-handed-over", shards: [shard] })
      return
    }
    const others = cut.filter((other) => other !== shard)
    this.#record = { ...this.#record, cut: to === "new" ? [...others, shard].sort((a, b) => a - b) : others }
    this.#inputs.push({ type: "handed-over", shards: [shard], to })
  }

  #close(set: "new" | "old"): void {
    const { phase, cut, to } = this.#record
    if (set === "old") {
      if (cut.length !== to)
        this.problems.push(`the old set closed while it published: ${JSON.stringify(this.#record)}`)
      if (phase !== "closing" && phase !== "done") this.problems.push(`the old set closed in ${phase}`)
      this.#isOldOpen = false
    } else {
      if (cut.length > 0) this.problems.push(`the new set closed while it published: ${JSON.stringify(this.#record)}`)
      if (phase !== "undoing" && phase !== "undone") this.problems.push(`the new set closed in ${phase}`)
      this.#open.clear()
    }
    this.#inputs.push({ type: "closed", set })
  }
}

const seedGiven = process.env["SIMULATION_SEED"]
const seeds = seedGiven === undefined ? Array.from({ length: SCHEDULES }, (_, seed) => seed) : [Number(seedGiven)]

test("every reshard ends done or undone, and no set closes that publishes anything", () => {
  const totals = { done: 0, undone: 0, crashes: 0 }
  const failures: string[] = []
  for (const seed of seeds) {
    const world = new World(seeded(seed))
    world.run()
    if (world.outcome === "done") totals.done += 1
    if (world.outcome === "undone") totals.undone += 1
    totals.crashes += world.crashes
    if (world.problems.length > 0) failures.push(`seed ${seed}: ${world.problems.join("; ")}`)
  }
  expect(failures).toEqual([])
  if (seedGiven !== undefined) return
  for (const count of Object.values(totals)) expect(count).toBeGreaterThan(SCHEDULES / 10)
}, 120_000)

/** Each runs some minutes of a bot: the real delivery, gates and hand-overs of all its shards. */
const WORLDS = Bun.env["SPECTACLES_LONG_TESTS"] === undefined ? 120 : 3_000

function runWorlds(count: number, options: WorldOptions) {
  const totals = { changes: 0, crashes: 0, breaks: 0, wentBack: 0, repeated: 0 }
  const failures: string[] = []
  for (const seed of seedGiven === undefined ? seeds.slice(0, count) : seeds) {
    const result = runWorld(seed, options)
    const { problems, repeated } = result
    totals.changes += result.changes
    totals.crashes += result.crashes
    totals.breaks += result.breaks
    totals.wentBack += result.wentBack ? 1 : 0
    totals.repeated += repeated
    const isRepeated = options.kinds === 0 && repeated > 0
    if (isRepeated) problems.push(`${repeated} events came under two ids`)
    if (problems.length > 0) failures.push(`seed ${seed}: ${problems.join("; ")}`)
  }
  return { totals, failures }
}

test("guilds change hands, there and back: no event is lost, each comes under one id alone, in its guild's order", () => {
  const { totals, failures } = runWorlds(WORLDS, { kinds: 0, losesSessions: false })
  expect(failures).toEqual([])
  if (seedGiven !== undefined) return
  for (const count of [totals.changes, totals.crashes, totals.breaks]) expect(count).toBeGreaterThan(WORLDS)
  expect(totals.wentBack).toBeGreaterThan(WORLDS / 10)
}, 3_600_000)

test("a session that is lost meanwhile loses what every lost session does, and no more", () => {
  expect(runWorlds(WORLDS / 2, { kinds: 0, losesSessions: true }).failures).toEqual([])
}, 3_600_000)

test.each([1, 2, 8])(
  "a guild with %d kinds of events, equal in every byte, loses none of them either",
  (kinds) => {
    expect(runWorlds(WORLDS / 6, { kinds, losesSessions: false }).failures).toEqual([])
  },
  3_600_000,
)
