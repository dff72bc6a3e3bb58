// The faults that wait for their moment, and the conditions that hold.

import type { Condition, Incident, Moment } from "./fault.ts"
import type { RestFault } from "./rest-fault.ts"

export interface WaitingFault {
  readonly id: number
  readonly fault: Incident | Condition | RestFault
  /** How often it will happen yet; `always` for a condition. */
  readonly left: number | "always"
}

/** More than that at once is a mistake of the script. */
const MAX_WAITING = 1_000

export class Faults {
  #nextId = 1
  readonly #incidents = new Map<number, { readonly fault: Incident; left: number }>()
  readonly #requests = new Map<number, { readonly fault: RestFault; left: number }>()
  readonly #conditions = new Map<number, Condition>()

  arm(fault: Incident): number {
    const id = this.#newId()
    this.#incidents.set(id, { fault, left: fault.times === "always" ? Number.POSITIVE_INFINITY : fault.times })
    return id
  }

  /** Leaves it for a REST request. */
  armRequest(fault: RestFault): number {
    const id = this.#newId()
    this.#requests.set(id, { fault, left: fault.times === "always" ? Number.POSITIVE_INFINITY : fault.times })
    return id
  }

  hasRequestFaults(): boolean {
    return this.#requests.size > 0
  }

  /** The fault that happens to a request of this route (`METHOD /template`), oldest first, used up by one. */
  takeRequest<F extends RestFault>(route: string, fits: (fault: RestFault) => fault is F): F | undefined {
    for (const [id, waiting] of this.#requests) {
      const { fault } = waiting
      if ((fault.route ?? route) !== route || !fits(fault)) continue
      waiting.left -= 1
      if (waiting.left <= 0) this.#requests.delete(id)
      return fault
    }
    return undefined
  }

  hold(fault: Condition): number {
    const id = this.#newId()
    this.#conditions.set(id, fault)
    return id
  }

  /** The incident that happens at this moment, oldest first, used up by one. */
  take(moment: Moment, shard?: number): Incident | undefined {
    for (const [id, waiting] of this.#incidents) {
      if (waiting.fault.on !== moment) continue
      if (waiting.fault.shard !== undefined && waiting.fault.shard !== shard) continue
      waiting.left -= 1
      if (waiting.left <= 0) this.#incidents.delete(id)
      return waiting.fault
    }
    return undefined
  }

  /** The condition of that type that holds for the shard, if any. */
  condition<T extends Condition["type"]>(type: T, shard?: number): Extract<Condition, { type: T }> | undefined {
    for (const condition of this.#conditions.values())
      if (isOfType(condition, type) && (!("shard" in condition) || (condition.shard ?? shard) === shard))
        return condition
    return undefined
  }

  cancel(id: number): boolean {
    return this.#incidents.delete(id) || this.#requests.delete(id) || this.#conditions.delete(id)
  }

  clear(): void {
    this.#incidents.clear()
    this.#requests.clear()
    this.#conditions.clear()
  }

  waiting(): readonly WaitingFault[] {
    const incidents = [...this.#incidents, ...this.#requests].map(([id, { fault, left }]) => ({
      id,
      fault,
      left: Number.isFinite(left) ? left : ("always" as const),
    }))
    return [...incidents, ...[...this.#conditions].map(([id, fault]) => ({ id, fault, left: "always" as const }))]
  }

  #newId(): number {
    if (this.#incidents.size + this.#requests.size + this.#conditions.size >= MAX_WAITING)
      throw new RangeError(`Cannot keep more than ${MAX_WAITING} faults waiting: cancel some.`)
    const id = this.#nextId
    this.#nextId += 1
    return id
  }
}

function isOfType<T extends Condition["type"]>(
  condition: Condition,
  type: T,
): condition is Extract<Condition, { type: T }> {
  return condition.type === type
}
