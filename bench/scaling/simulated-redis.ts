// A Redis with the fleet's ledger, on a fake clock: one command at a time, each as long as one of the real script took
// (`bun run bench leases`), the network between. The ledger is the model that the tests hold against the script.

import type { Clock } from "../../src/flow/clock.ts"
import type { Answer, Beat, Book } from "../../src/gateway/fleet/ledger.ts"
import { ModelLedger } from "../../test/gateway/fleet/model-ledger.ts"

/** From a gateway to Redis, and back. */
const NETWORK_MS = 0.5

/** What a command costs Redis, in milliseconds. */
export interface Costs {
  /** An exchange of a gateway that knows the ledger as it is; */
  readonly exchangeMs: number
  /** where it does not, for each shard that it says it holds, */
  readonly heldMs: number
  /** and for each lease that it is told, new or changed. */
  readonly leaseMs: number
  readonly sessionMs: number
  readonly fenceMs: number
}

export class SimulatedRedis {
  readonly #clock: Clock
  readonly #costs: Costs
  readonly #ledger = new ModelLedger()
  /** The version of the ledger that each gateway knows, and when it had that. */
  readonly #known = new Map<string, { readonly version: number; readonly atMs: number }>()
  #version = 0
  #busyUntilMs = 0
  commands = 0
  exchanges = 0
  busyMs = 0

  /** @param onChanged told by whom, and of whom, once it may be known elsewhere; null: of all */
  constructor(clock: Clock, costs: Costs, onChanged: (by: string, about: ReadonlySet<string> | null) => void) {
    this.#clock = clock
    this.#costs = costs
    this.#ledger.onChanged = (by, about) => {
      this.#version += 1
      clock.after(NETWORK_MS, () => onChanged(by, about))
    }
  }

  exchange(beat: Beat, answered: (answer: Answer) => void): void {
    this.exchanges += 1
    this.#run(() => this.#exchange(beat), answered)
  }

  #exchange(beat: Beat): Answer {
    const { exchangeMs, heldMs, leaseMs } = this.#costs
    const known = this.#known.get(beat.node.id)
    const held = known?.version === this.#version ? 0 : beat.held.length
    const answer = this.#ledger.exchange(beat, this.#nowMs())
    const told = known?.version === this.#version ? 0 : changedSince(answer.book, known?.atMs ?? 0)
    this.#known.set(beat.node.id, { version: this.#version, atMs: this.#nowMs() })
    this.#spend(exchangeMs + held * heldMs + told * leaseMs)
    return answer
  }

  /** Reads or writes a session. */
  session(done: () => void): void {
    this.#run(() => this.#spend(this.#costs.sessionMs), done)
  }

  fence(done: () => void): void {
    this.#run(() => this.#spend(this.#costs.fenceMs), done)
  }

  /** Not over the network: what stands in the ledger now. */
  get book(): Book {
    return this.#ledger.book(this.#nowMs())
  }

  /** In whole milliseconds, as the script's. */
  #nowMs(): number {
    return Math.floor(this.#clock.wallMs())
  }

  #run<T>(command: () => T, answered: (answer: T) => void): void {
    this.#clock.after(NETWORK_MS, () => {
      this.commands += 1
      const answer = command()
      this.#clock.after(this.#busyUntilMs - this.#clock.nowMs() + NETWORK_MS, () => answered(answer))
    })
  }

  #spend(costMs: number): void {
    this.busyMs += costMs
    this.#busyUntilMs = Math.max(this.#busyUntilMs, this.#clock.nowMs()) + costMs
  }
}

function changedSince({ leases }: Book, atMs: number): number {
  let changed = 0
  for (const { changedMs } of leases.values()) if (changedMs >= atMs) changed += 1
  return changed
}
