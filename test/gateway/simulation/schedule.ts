// One random schedule from a seed: a gateway of two shards runs against the model of Discord and a broker while both
// misbehave and the process itself crashes; then everything behaves, and what must hold is checked.

import type { Clock } from "../../../src/flow/clock.ts"
import { DEFAULT_DELIVERY_LIMITS } from "../../../src/gateway/delivery-options.ts"
import { Fleet } from "../../../src/gateway/fleet.ts"
import { memoryIdentifyQueue } from "../../../src/gateway/identify/memory-queue.ts"
import { memorySessionStore } from "../../../src/gateway/sessions/memory-store.ts"
import { SessionSaver } from "../../../src/gateway/sessions/saver.ts"
import { firstSet } from "../../../src/gateway/shard-set.ts"
import { silentLogger } from "../../../src/ops/log.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { ModelBroker } from "./model-broker.ts"
import { modelDecoder } from "./model-decoder.ts"
import { DEFAULT_URL, FAULTS, ModelDiscord } from "./model-discord.ts"
import { type Random, seeded } from "./random.ts"

const SHARDS = [0, 1]
const TROUBLE_MS = 6 * 60_000
/** Longer than the longest backoff, deadline and breaker together. */
const CALM_MS = 14 * 60_000
/** Promise callbacks that one timer may set off, one after another. */
const MICROTASKS = 12

export interface ScheduleResult {
  readonly problems: readonly string[]
  readonly identifies: number
  readonly resumes: number
  readonly events: number
  readonly crashes: number
}

export async function runSchedule(seed: number): Promise<ScheduleResult> {
  const world = new World(seed)
  return await world.run()
}

class World {
  readonly #random: Random
  readonly #clock = new FakeClock()
  readonly #discord: ModelDiscord
  readonly #broker: ModelBroker
  readonly #store = memorySessionStore()
  #incarnation = 0
  #fleet: Fleet
  #crashes = 0
  /** Sessions that no store knew when their process died: nobody can announce their gap. */
  readonly #unknown = new Set<string>()

  constructor(seed: number) {
    this.#random = seeded(seed)
    this.#discord = new ModelDiscord(this.#clock, this.#random)
    this.#broker = new ModelBroker(this.#clock, this.#random)
    this.#fleet = this.#newFleet()
  }

  async run(): Promise<ScheduleResult> {
    await this.#start()
    this.#traffic()
    this.#trouble()
    await this.#advanceTo(TROUBLE_MS)
    this.#discord.behave()
    await this.#advanceTo(TROUBLE_MS + CALM_MS)
    const problems = this.#problems()
    return {
      problems,
      identifies: this.#discord.identifies,
      resumes: this.#discord.resumes,
      events: this.#broker.published.length,
      crashes: this.#crashes,
    }
  }

  async #advanceTo(atMs: number): Promise<void> {
    let reached = false
    this.#clock.after(atMs - this.#clock.nowMs(), () => {
      reached = true
    })
    while (!reached) {
      this.#clock.step()
      for (let i = 0; i < MICROTASKS; i += 1) await Promise.resolve()
    }
  }

  /** Random dispatches, now and then in floods. They end with the calm's first half, so that everything can arrive. */
  #traffic(): void {
    if (this.#clock.nowMs() > TROUBLE_MS + CALM_MS / 2) return
    const burst = this.#random.chance(0.02) ? 60 : this.#random.int(3)
    const shard = this.#random.pick(SHARDS)
    for (let i = 0; i < burst; i += 1) this.#discord.dispatch(shard, this.#random.chance(0.8))
    this.#clock.after(this.#random.between(100, 6_000), () => this.#traffic())
  }

  #trouble(): void {
    const nextMs = this.#random.between(500, 40_000)
    if (this.#clock.nowMs() + nextMs > TROUBLE_MS) return
    this.#clock.after(nextMs, () => {
      const kind = this.#random.int(FAULTS.length + 5)
      const fault = FAULTS[kind]
      if (fault !== undefined) this.#discord.fault(fault)
      else if (kind === FAULTS.length) this.#cutOff()
      else if (kind === FAULTS.length + 1) this.#killResumeHost()
      else if (kind === FAULTS.length + 2) this.#broker.stall(this.#random.between(1_000, 60_000))
      else this.#crash()
      this.#trouble()
    })
  }

  #cutOff(): void {
    this.#discord.unreachable = true
    this.#clock.after(this.#random.between(1_000, 90_000), () => {
      this.#discord.unreachable = false
    })
  }

  #killResumeHost(): void {
    this.#discord.resumeHostDead = true
    this.#clock.after(this.#random.between(1_000, 120_000), () => {
      this.#discord.resumeHostDead = false
    })
  }

  /** SIGKILL, and another process with the same store. */
  #crash(): void {
    this.#crashes += 1
    this.#incarnation += 1
    this.#discord.crash()
    for (const shard of SHARDS) this.#noteUnknownSession(shard)
    this.#clock.after(this.#random.between(0, 5_000), () => {
      this.#fleet = this.#newFleet()
      void this.#start()
    })
  }

  #noteUnknownSession(shard: number): void {
    const latest = this.#discord.latest.get(shard)
    if (latest === undefined) return
    void this.#store.load(shard).then((stored) => {
      if (stored?.sessionId === latest.id) return
      latest.over = true
      this.#unknown.add(latest.id)
    })
  }

  async #start(): Promise<void> {
    const fleet = this.#fleet
    const clock = this.#mortalClock()
    const sessions = await Promise.all(SHARDS.map(async (shard) => [shard, await this.#store.load(shard)] as const))
    fleet.add(new Map(sessions), {
      set: firstSet(SHARDS.length),
      saver: new SessionSaver({ store: this.#store, clock, onError: () => {} }),
    })
  }

  /** A dead process' timers do nothing. */
  #mortalClock(): Clock {
    const incarnation = this.#incarnation
    return {
      nowMs: () => this.#clock.nowMs(),
      wallMs: () => this.#clock.wallMs(),
      after: (delayMs, run) =>
        this.#clock.after(delayMs, () => {
          if (incarnation === this.#incarnation) run()
        }),
    }
  }

  #newFleet(): Fleet {
    const incarnation = this.#incarnation
    const alive = () => incarnation === this.#incarnation
    const clock = this.#mortalClock()
    const random = () => this.#random.next()
    const ignore = () => {}
    return new Fleet({
      gatewayUrl: DEFAULT_URL,
      query: { version: 10, compression: "none" },
      identity: { token: () => "token", intents: 1, presence: undefined },
      events: ["EVENT", "DROPPED"],
      decoder: modelDecoder,
      broker: this.#broker.session(alive),
      identify: memoryIdentifyQueue({
        clock,
        random,
        startLimit: async () => ({ total: 1_000, remaining: 1_000, resetAfterMs: 3_600_000, maxConcurrency: 1 }),
        reserve: 0,
        onWait: ignore,
        onBudget: ignore,
      }),
      dial: this.#discord.dial,
      clock,
      random,
      soon: (run) => void clock.after(0, run),
      limits: { ...DEFAULT_DELIVERY_LIMITS, windowEvents: 50 },
      log: silentLogger,
      on: {
        live: ignore,
        down: ignore,
        decodeFailed: ignore,
        sent: ignore,
        received: ignore,
        pinged: ignore,
        confirmed: ignore,
        refused: (shard, remedy) => this.#discord.violations.push(`shard ${shard} stopped for good: ${remedy}`),
      },
    })
  }

  #problems(): string[] {
    const problems = [...this.#discord.violations]
    for (const { shard } of this.#fleet.units.values()) {
      const { phase, lastDown } = shard.status
      if (phase !== "live") problems.push(`shard ${shard.id} is stuck in ${phase} (${lastDown?.reason})`)
    }
    const published = new Map<string, number[]>()
    for (const line of this.#broker.published) {
      const [session = "", sequence] = line.split(":")
      const sequences = published.get(session) ?? []
      sequences.push(Number(sequence))
      published.set(session, sequences)
    }
    for (const session of this.#discord.sessions.values()) {
      const sequences = published.get(session.id) ?? []
      problems.push(...this.#lost(session, new Set(sequences)), ...disorder(session.id, sequences))
    }
    return problems
  }

  /** Every event up to the announced gap, or all of them, must have been published. */
  #lost(session: SessionLog, published: ReadonlySet<number>): string[] {
    if (!session.known || this.#unknown.has(session.id)) return []
    const isLatest = this.#discord.latest.get(session.shard)?.id === session.id
    const gap = this.#broker.gaps.findLast(({ session_id }) => session_id === session.id)
    if (!isLatest && gap === undefined) return [`session ${session.id} is over and no gap was announced`]
    const until = gap?.last_seq ?? session.sequence
    const lost = [...session.wanted].filter((sequence) => sequence <= until && !published.has(sequence))
    return lost.length === 0 ? [] : [`session ${session.id} lost ${lost.join(", ")}`]
  }
}

interface SessionLog {
  readonly id: string
  readonly shard: number
  readonly known: boolean
  readonly sequence: number
  readonly wanted: ReadonlySet<number>
}

/** The first publish of each event comes in the order of the sequence. */
function disorder(sessionId: string, sequences: readonly number[]): string[] {
  const seen = new Set<number>()
  let highest = 0
  for (const sequence of sequences) {
    if (seen.has(sequence)) continue
    if (sequence < highest) return [`session ${sessionId} published ${sequence} after ${highest}`]
    seen.add(sequence)
    highest = sequence
  }
  return []
}
