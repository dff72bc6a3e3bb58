// What passed and what was refused, by route and by scope: what a benchmark reads afterwards.

import type { Scope } from "./limits/headers.ts"

/** `address`: the ban after too many invalid requests. */
export type RefusalScope = Scope | "address"

export interface RestCounts {
  /** By `METHOD /template`, then by status; 0: the connection was cut without an answer. */
  readonly requests: Readonly<Record<string, Readonly<Record<number, number>>>>
  /** 429s that were sent, by scope. */
  readonly refused: Readonly<Record<RefusalScope, number>>
  /** Requests that the limits let through. */
  readonly passed: number
  /** The most that the limits would have let through by now on the buckets that were used. */
  readonly allowed: number
  /** Buckets that are known. */
  readonly buckets: number
}

export class Counts {
  #requests = new Map<string, Map<number, number>>()
  #refused: Record<RefusalScope, number> = { user: 0, global: 0, shared: 0, address: 0 }
  #passed = 0

  request(route: string, status: number): void {
    const known = this.#requests.get(route)
    if (known === undefined) this.#requests.set(route, new Map([[status, 1]]))
    else known.set(status, (known.get(status) ?? 0) + 1)
  }

  refused(scope: RefusalScope): void {
    this.#refused[scope] += 1
  }

  passed(): void {
    this.#passed += 1
  }

  read(): Pick<RestCounts, "requests" | "refused" | "passed"> {
    const requests = [...this.#requests].map(([route, statuses]) => [route, Object.fromEntries(statuses)] as const)
    return { requests: Object.fromEntries(requests), refused: { ...this.#refused }, passed: this.#passed }
  }

  clear(): void {
    this.#requests.clear()
    this.#refused = { user: 0, global: 0, shared: 0, address: 0 }
    this.#passed = 0
  }
}
