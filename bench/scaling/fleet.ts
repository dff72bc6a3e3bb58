// A whole fleet on a fake clock, and what happens to it: everything starts, rests, loses a machine, gets another one, and is
// restarted one gateway after another. Every shard has a session, so that it resumes; deterministic.

import { FakeClock } from "../../test/fixtures/fake-clock.ts"
import { SimulatedGateway } from "./simulated-gateway.ts"
import { type Costs, SimulatedRedis } from "./simulated-redis.ts"

export interface FleetOptions {
  readonly shards: number
  readonly gateways: number
  /** How many of them one machine has. */
  readonly perMachine: number
  /** Of how many gateways a restart is simulated. */
  readonly restarts: number
  readonly leaseMs: number
  readonly costs: Costs
}

export interface Happening {
  readonly name: string
  /** Until every shard was live and the shares were even. */
  readonly tookMs: number
  /** Shards that were down meanwhile, and for how long at most. */
  readonly interrupted: number
  readonly longestMs: number
  readonly exchanges: number
  readonly commands: number
  readonly redisBusyMs: number
}

const REST_MS = 30_000
/** Between one gateway's start and the next one's, as by a script. */
const APART_MS = 50
/** A fleet that is not even after this long never will be. */
const LIMIT_MS = 600_000

export function simulateFleet(options: FleetOptions): readonly Happening[] {
  const fleet = new SimulatedFleet(options)
  const happenings = [
    fleet.happen("everything starts", () => fleet.start(options.gateways)),
    fleet.rest(),
    fleet.happen("a machine is lost", () => fleet.kill(options.perMachine)),
    fleet.happen("another machine comes", () => fleet.start(options.perMachine)),
  ]
  for (let restart = 0; restart < options.restarts; restart += 1) {
    happenings.push(
      fleet.happen("a gateway is added", () => fleet.start(1)),
      fleet.happen("an old one is stopped", () => fleet.stopOldest()),
    )
  }
  return happenings
}

class SimulatedFleet {
  readonly #options: FleetOptions
  readonly #clock = new FakeClock()
  readonly #redis: SimulatedRedis
  /** Oldest first. */
  #gateways: SimulatedGateway[] = []
  /** Of which one holds shards until they are handed over. */
  readonly #leaving = new Set<SimulatedGateway>()
  #started = 0
  readonly #live = new Set<number>()
  /** Since when each shard is down. */
  readonly #downSinceMs = new Map<number, number>()
  #interrupted = new Set<number>()
  #longestMs = 0

  constructor(options: FleetOptions) {
    this.#options = options
    this.#redis = new SimulatedRedis(this.#clock, options.costs, (by, about) => {
      for (const gateway of [...this.#gateways, ...this.#leaving]) {
        if (gateway.id !== by && about?.has(gateway.id) !== false) gateway.input({ type: "ask" })
      }
    })
  }

  start(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const gateway = this.#newGateway()
      this.#gateways.push(gateway)
      this.#clock.after(i * APART_MS, () => gateway.input({ type: "ask" }))
    }
  }

  kill(count: number): void {
    for (const gateway of this.#gateways.splice(0, count)) gateway.kill()
  }

  stopOldest(): void {
    const gateway = this.#gateways.shift()
    if (gateway === undefined) return
    this.#leaving.add(gateway)
    gateway.input({ type: "leave" })
  }

  happen(name: string, begin: () => void): Happening {
    const finish = this.#measure(name)
    const startedMs = this.#clock.nowMs()
    begin()
    while (!this.#isEven()) {
      if (!this.#clock.step()) throw new Error(`Cannot simulate that ${name}: nothing happens any more.`)
      if (this.#clock.nowMs() - startedMs > LIMIT_MS) throw new Error(`Cannot simulate that ${name}: it does not end.`)
    }
    const happening = finish()
    // What follows of it, such as the last beats, belongs to nothing.
    this.#clock.advance(this.#options.leaseMs)
    return happening
  }

  rest(): Happening {
    const finish = this.#measure("at rest, 30 s")
    this.#clock.advance(REST_MS)
    return finish()
  }

  #measure(name: string): () => Happening {
    const { exchanges, commands, busyMs } = this.#redis
    const startedMs = this.#clock.nowMs()
    this.#interrupted = new Set()
    this.#longestMs = 0
    return () => ({
      name,
      tookMs: this.#clock.nowMs() - startedMs,
      interrupted: this.#interrupted.size,
      longestMs: this.#longestMs,
      exchanges: this.#redis.exchanges - exchanges,
      commands: this.#redis.commands - commands,
      redisBusyMs: this.#redis.busyMs - busyMs,
    })
  }

  #isEven(): boolean {
    const { shards } = this.#options
    if (this.#live.size < shards || this.#leaving.size > 0) return false
    const fair = shards / this.#gateways.length
    return this.#gateways.every(({ holds }) => Math.abs(holds - fair) < 1)
  }

  #newGateway(): SimulatedGateway {
    const { shards: shardCount, leaseMs } = this.#options
    this.#started += 1
    const gateway: SimulatedGateway = new SimulatedGateway({
      ...{ id: `gateway-${String(this.#started).padStart(4, "0")}`, shardCount, leaseMs },
      ...{ clock: this.#clock, redis: this.#redis },
      on: {
        live: (shard, isLive) => (isLive ? this.#up(shard) : this.#down(shard)),
        left: () => this.#leaving.delete(gateway),
      },
    })
    return gateway
  }

  #up(shard: number): void {
    const sinceMs = this.#downSinceMs.get(shard)
    if (sinceMs !== undefined) this.#longestMs = Math.max(this.#longestMs, this.#clock.nowMs() - sinceMs)
    this.#downSinceMs.delete(shard)
    this.#live.add(shard)
  }

  #down(shard: number): void {
    if (!this.#live.delete(shard)) return
    this.#downSinceMs.set(shard, this.#clock.nowMs())
    this.#interrupted.add(shard)
  }
}
