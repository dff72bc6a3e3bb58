// One random schedule: a few processes of a bot in one line, and everything that can go wrong around them. Then calm, in which
// every shard that still waits must get its turn.

import { sharedIdentifyQueue } from "../../../../../src/gateway/identify/redis/queue.ts"
import { FakeClock } from "../../../../fixtures/fake-clock.ts"
import { microtasks } from "../../../../fixtures/identify-lines.ts"
import { type Random, seeded } from "../../../simulation/random.ts"
import { ModelRedis } from "./model-redis.ts"
import { SimulatedProcess } from "./process.ts"

const STORM_MS = 40_000
const STEPS = 4_000
/** What was begun ends: an outage, a pause, a budget that a crashed process was to read, places that lapse. */
const SETTLE_MS = 60_000
/** Discord's rule. */
const WINDOW_MS = 5_000
/** The network to Discord may be this uneven: NETWORK_MARGIN_MS allows for it. */
const UNEVEN_MS = 240

export interface ScheduleResult {
  readonly problems: readonly string[]
  readonly identifies: number
  readonly crashes: number
  readonly outages: number
  readonly pauses: number
  readonly givenBack: number
}

class ModelDiscord {
  readonly problems: string[] = []
  readonly #world: FakeClock
  readonly #reserve: number
  readonly #lastMs = new Map<number, number>()
  readonly maxConcurrency: number
  remaining: number
  identifies = 0

  constructor(world: FakeClock, random: Random, reserve: number) {
    this.#world = world
    this.#reserve = reserve
    this.maxConcurrency = random.pick([1, 1, 2, 3])
    this.remaining = random.chance(0.1) ? reserve + random.int(4) : 1_000
  }

  identify(shard: number): void {
    const key = shard % this.maxConcurrency
    const nowMs = this.#world.nowMs()
    const spacingMs = nowMs - (this.#lastMs.get(key) ?? Number.NEGATIVE_INFINITY)
    if (spacingMs < WINDOW_MS) this.problems.push(`shard ${shard} identified ${spacingMs} ms after another of its key`)
    this.#lastMs.set(key, nowMs)
    this.identifies += 1
    this.remaining -= 1
    // What is on its way while the budget is read is in nobody's count: at most one for each key.
    if (this.remaining < this.#reserve - this.maxConcurrency) this.problems.push("the reserve was used")
  }
}

class Schedule {
  readonly #random: Random
  readonly #world = new FakeClock()
  readonly #redis: ModelRedis
  readonly #discord: ModelDiscord
  readonly #processes: SimulatedProcess[] = []
  /** Shards that wait, of processes that live. */
  readonly #waiting = new Set<string>()
  readonly #reserve: number
  readonly #counts = { crashes: 0, outages: 0, pauses: 0, givenBack: 0 }
  #isCalm = false

  constructor(seed: number) {
    this.#random = seeded(seed)
    this.#reserve = this.#random.pick([0, 5])
    this.#redis = new ModelRedis(this.#world, this.#random)
    this.#discord = new ModelDiscord(this.#world, this.#random, this.#reserve)
  }

  async run(): Promise<ScheduleResult> {
    const count = 1 + this.#random.int(4)
    for (let i = 0; i < count; i += 1) this.#start()
    this.#world.after(this.#random.between(500, 8_000), () => this.#trouble())
    await this.#pass(STORM_MS)
    this.#isCalm = true
    this.#redis.isCalm = true
    // Outages, delays and pauses that began end; then a turn for everyone, one after another, with what may be held.
    await this.#pass(SETTLE_MS + (this.#waiting.size + 2) * 7_500)
    const { problems, identifies, remaining } = this.#discord
    const isSpent = remaining <= this.#reserve + this.#discord.maxConcurrency
    const stuck = isSpent ? [] : [...this.#waiting].map((who) => `${who} never got its turn`)
    return { problems: [...problems, ...stuck], identifies, ...this.#counts }
  }

  async #pass(ms: number): Promise<void> {
    const untilMs = this.#world.nowMs() + ms
    let isOver = false
    const cancel = this.#world.after(ms, () => {
      isOver = true
    })
    await microtasks()
    for (let step = 0; step < STEPS && !isOver; step += 1) {
      // A process that waits for nothing has no timers: then calm ends early.
      if (this.#isCalm && this.#waiting.size === 0) break
      this.#world.step()
      await microtasks()
    }
    cancel()
    if (!isOver && this.#waiting.size > 0 && this.#world.nowMs() < untilMs) {
      this.#discord.problems.push("too much happens: something runs hot")
    }
  }

  #start(): void {
    const process = new SimulatedProcess(`p${this.#processes.length}`, this.#world)
    this.#processes.push(process)
    const queue = sharedIdentifyQueue({
      clock: process.clock,
      random: () => this.#random.next(),
      startLimit: () => this.#startLimit(process),
      reserve: this.#reserve,
      onWait: (reason) => this.#onWait(process, reason),
      onBudget: () => {},
      process: process.name,
      line: (onWake) => this.#redis.lineOf(process, onWake),
      on: {
        givenBack: () => {
          this.#counts.givenBack += 1
        },
      },
    })
    const shards = 1 + this.#random.int(3)
    for (let i = 0; i < shards; i += 1) this.#ask(process, queue, this.#random.int(6))
  }

  #ask(process: SimulatedProcess, queue: ReturnType<typeof sharedIdentifyQueue>, shard: number): void {
    const random = this.#random
    const who = `${process.name}/${shard}/${random.next()}`
    const connection = new AbortController()
    this.#waiting.add(who)
    queue.turn(shard, connection.signal).then(
      () => {
        this.#waiting.delete(who)
        this.#world.after(random.between(0, UNEVEN_MS), () => this.#discord.identify(shard))
        if (!this.#isCalm && random.chance(0.2)) this.#later(process, () => this.#ask(process, queue, shard))
      },
      () => {
        this.#waiting.delete(who)
        if (!this.#isCalm) this.#later(process, () => this.#ask(process, queue, shard))
      },
    )
    // Its connection is lost while it waits.
    if (random.chance(0.2)) this.#later(process, () => connection.abort(new Error("lost")))
  }

  /** A shard that the breaker stops is not waited for: it may take ten minutes. */
  #onWait(process: SimulatedProcess, reason: string): void {
    const [, shard] = /^shard (\d+) has identified/.exec(reason) ?? []
    if (shard === undefined) return
    for (const who of this.#waiting) if (who.startsWith(`${process.name}/${shard}/`)) this.#waiting.delete(who)
  }

  #later(process: SimulatedProcess, what: () => void): void {
    process.clock.after(this.#random.between(0, 10_000), what)
  }

  async #startLimit(process: SimulatedProcess) {
    const random = this.#random
    await new Promise<void>((resolve) => {
      this.#world.after(random.between(0, this.#isCalm ? 100 : 800), () => process.run(resolve))
    })
    if (!this.#isCalm && random.chance(0.15)) throw new Error("Discord does not answer")
    const { remaining, maxConcurrency } = this.#discord
    return { total: 1_000, remaining: Math.max(0, remaining), resetAfterMs: 3_600_000, maxConcurrency }
  }

  #trouble(): void {
    if (this.#isCalm) return
    const random = this.#random
    const process = random.pick(this.#processes)
    const kind = random.int(7)
    if (kind === 0) {
      process.crash()
      this.#counts.crashes += 1
      for (const who of this.#waiting) if (who.startsWith(`${process.name}/`)) this.#waiting.delete(who)
      if (this.#processes.length < 8) this.#start()
    } else if (kind === 1 || kind === 2) {
      process.pause(random.between(50, 15_000))
      this.#counts.pauses += 1
    } else {
      this.#counts.outages += 1
      if (kind === 3) this.#redis.down(random.between(100, 12_000))
      else if (kind === 4) this.#redis.restart(random.chance(0.5))
      else if (kind === 5) this.#redis.failOver()
      else if (this.#processes.length < 8) this.#start()
    }
    this.#world.after(random.between(300, 9_000), () => this.#trouble())
  }
}

export function runSchedule(seed: number): Promise<ScheduleResult> {
  return new Schedule(seed).run()
}
