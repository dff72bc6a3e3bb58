// A Redis of the simulation: slow, now and then away, restarted with or without its data, replaced by a replica that is
// behind and whose clock differs. Commands are sent again after a lost connection, as the client does, and may run twice.

import type { SessionStartLimit } from "../../../../../src/gateway/identify/identify-queue.ts"
import type { IdentifyLine } from "../../../../../src/gateway/identify/redis/line.ts"
import type { FakeClock } from "../../../../fixtures/fake-clock.ts"
import type { Random } from "../../../simulation/random.ts"
import { ModelLine } from "../model-line.ts"
import type { SimulatedProcess } from "./process.ts"

const REPLICA_LAG_MS = 1_000

export class ModelRedis {
  readonly #world: FakeClock
  readonly #random: Random
  readonly #wakes = new Map<string, () => void>()
  readonly #line = new ModelLine((process) => this.#publish(process))
  #offsetMs = 0
  #run = 0
  #downUntilMs = 0
  /** What a replica has, and from when. */
  #replica: { readonly copy: unknown; readonly atMs: number } | null = null
  /** Faults are over. */
  isCalm = false

  constructor(world: FakeClock, random: Random) {
    this.#world = world
    this.#random = random
  }

  lineOf(process: SimulatedProcess, onWake: () => void): IdentifyLine {
    this.#wakes.set(process.name, () => process.run(onWake))
    const { name } = process
    return {
      sync: (request) => this.#call(process, () => this.#line.sync(this.#nowMs(), String(this.#run), name, request)),
      budget: (limit: SessionStartLimit) => this.#call(process, () => this.#line.budget(this.#nowMs(), name, limit)),
      postpone: (delayMs) => this.#call(process, () => this.#line.postpone(this.#nowMs(), name, delayMs)),
    }
  }

  down(forMs: number): void {
    this.#downUntilMs = Math.max(this.#downUntilMs, this.#world.nowMs() + forMs)
  }

  /** Ends and starts again; a server without persistence has forgotten everything. */
  restart(isPersistent: boolean): void {
    this.down(this.#random.between(50, 3_000))
    this.#run += 1
    this.#line.mayForget = true
    if (!isPersistent) this.#line.restore(null)
  }

  /** A replica takes over, with what it had and its own clock. */
  failOver(): void {
    this.down(this.#random.between(50, 6_000))
    this.#run += 1
    this.#line.mayForget = true
    this.#offsetMs += this.#random.between(-30_000, 30_000)
    this.#line.restore(this.#replica?.copy ?? null)
  }

  #nowMs(): number {
    return Math.floor(this.#world.wallMs() + this.#offsetMs)
  }

  #publish(process: string): void {
    if (!this.isCalm && this.#random.chance(0.2)) return
    this.#world.after(this.#delayMs(), () => this.#wakes.get(process)?.())
  }

  #delayMs(): number {
    const random = this.#random
    if (this.isCalm || random.chance(0.9)) return random.between(0, 20)
    return random.chance(0.8) ? random.between(20, 1_500) : random.between(1_500, 6_000)
  }

  #call<T>(process: SimulatedProcess, execute: () => T): Promise<T> {
    return new Promise((resolve) => {
      const reach = (again: () => void) => {
        const waitMs = Math.max(0, this.#downUntilMs - this.#world.nowMs())
        this.#world.after(waitMs + this.#delayMs(), () => {
          if (this.#world.nowMs() < this.#downUntilMs) again()
          else this.#execute(process, execute, resolve, again)
        })
      }
      const attempt = () => reach(attempt)
      attempt()
    })
  }

  #execute<T>(process: SimulatedProcess, execute: () => T, resolve: (value: T) => void, again: () => void): void {
    const random = this.#random
    const value = execute()
    const nowMs = this.#world.nowMs()
    if (this.#replica === null || nowMs - this.#replica.atMs > REPLICA_LAG_MS) {
      this.#replica = { copy: this.#line.copy(), atMs: nowMs }
    }
    // The reply is lost with its connection, and the command comes again. Or it comes twice and nobody knows.
    if (!this.isCalm && random.chance(0.03)) {
      this.#world.after(random.between(0, 3_000), again)
      return
    }
    if (!this.isCalm && random.chance(0.01)) this.#world.after(random.between(0, 8_000), () => void execute())
    this.#world.after(this.#delayMs(), () => process.run(() => resolve(value)))
  }
}
