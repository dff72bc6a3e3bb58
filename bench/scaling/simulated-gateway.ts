// A gateway of a simulated fleet: the decisions of src/gateway/fleet, its shards only durations. Nothing of it is late or
// lost; test/gateway/fleet/schedule.ts is about what happens then.

import type { Clock } from "../../src/flow/clock.ts"
import { Timers } from "../../src/flow/timers.ts"
import { type Effect, type Input, newMember, type TimerName } from "../../src/gateway/fleet/member-state.ts"
import { step } from "../../src/gateway/fleet/step.ts"
import { firstSet } from "../../src/gateway/shard-set.ts"
import type { SimulatedRedis } from "./simulated-redis.ts"

/** Dial with TLS, Hello, Resume, and the first of what is replayed. */
const RESUME_MS = 500
/** Stop reading, wait for the broker's confirms. */
const DRAIN_MS = 100
/** As src/gateway/fleet.ts: shards that have been started and are not live yet. */
const MAX_STARTING = 32

export interface SimulatedGatewayOptions {
  readonly id: string
  readonly shardCount: number
  readonly leaseMs: number
  readonly clock: Clock
  readonly redis: SimulatedRedis
  readonly on: {
    /** A shard went live or stopped being so. */
    readonly live: (shard: number, isLive: boolean) => void
    readonly left: () => void
  }
}

export class SimulatedGateway {
  readonly #options: SimulatedGatewayOptions
  readonly #timers: Timers<TimerName>
  /** The token of each shard that runs here. */
  readonly #running = new Map<number, number>()
  /** Shards whose session is loaded, to be started in the order of their ids. */
  #waiting: number[] = []
  readonly #starting = new Set<number>()
  #state: ReturnType<typeof newMember>
  #isAlive = true

  constructor(options: SimulatedGatewayOptions) {
    this.#options = options
    const { id, shardCount, leaseMs, clock } = options
    this.#state = newMember({ id, weight: 1, capacity: shardCount, set: firstSet(shardCount), leaseMs })
    this.#timers = new Timers(clock, (timer) => this.input({ type: timer === "beat" ? "ask" : "expired" }))
  }

  get id(): string {
    return this.#options.id
  }

  /** Shards that it has a lease for. */
  get holds(): number {
    return this.#state.holdings.size
  }

  /** Its machine is gone. */
  kill(): void {
    this.#isAlive = false
    this.#timers.cancel("beat")
    this.#timers.cancel("expiry")
    for (const shard of [...this.#running.keys()]) this.#end(shard)
  }

  input(input: Input): void {
    if (!this.#isAlive) return
    const { clock } = this.#options
    const { state, effects } = step(this.#state, input, { nowMs: clock.nowMs(), isIdentifying: () => false })
    this.#state = state
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: Effect): void {
    const { clock, redis } = this.#options
    switch (effect.type) {
      case "beat": {
        const sentMs = clock.nowMs()
        return redis.exchange(effect.beat, (answer) => this.input({ type: "answer", answer, sentMs }))
      }
      case "serve":
        this.#running.set(effect.shard, effect.token)
        return redis.session(() => this.#loaded(effect.shard, effect.token))
      case "drain":
        this.#end(effect.shard)
        clock.after(DRAIN_MS, () => redis.session(() => this.input({ ...effect, type: "drained" })))
        return
      case "cut":
        return this.#end(effect.shard)
      case "fence":
        return redis.fence(() => this.input({ type: "fenced", node: effect.node }))
      case "sweep":
        return redis.fence(() => this.input({ type: "swept", ledger: effect.ledger }))
      case "timer":
        return this.#timers.start(effect.timer, effect.delayMs)
      case "cancel":
        return this.#timers.cancel(effect.timer)
      case "other-count":
        throw new Error(`${this.id} was told of ${effect.set.count} shards`)
      case "left":
        this.#isAlive = false
        return this.#options.on.left()
    }
  }

  #loaded(shard: number, token: number): void {
    if (!this.#isAlive || this.#running.get(shard) !== token) return
    this.#waiting = [...this.#waiting, shard].sort((a, b) => a - b)
    this.#startMore()
  }

  #startMore(): void {
    while (this.#starting.size < MAX_STARTING) {
      const shard = this.#waiting.shift()
      const token = shard === undefined ? undefined : this.#running.get(shard)
      if (shard === undefined || token === undefined) return
      this.#starting.add(shard)
      this.#options.clock.after(RESUME_MS, () => this.#live(shard, token))
    }
  }

  #live(shard: number, token: number): void {
    if (!this.#isAlive || this.#running.get(shard) !== token) return
    this.#starting.delete(shard)
    this.#options.on.live(shard, true)
    this.input({ type: "live", shard, token, isLive: true })
    this.#startMore()
  }

  #end(shard: number): void {
    this.#waiting = this.#waiting.filter((other) => other !== shard)
    this.#starting.delete(shard)
    if (this.#running.delete(shard)) this.#options.on.live(shard, false)
    this.#startMore()
  }
}
