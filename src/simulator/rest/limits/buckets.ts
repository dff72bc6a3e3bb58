// Counters by key, made when first used. Their number is bounded: past it, those that stand at nothing are forgotten.

import { newWindow, type Window, type WindowPlan } from "./window.ts"

export interface Bucket {
  readonly plan: WindowPlan
  readonly window: Window
  /** Whose it is: the identity that the global limit counts too. */
  readonly owner: string
  readonly sinceMs: number
}

const MAX_BUCKETS = 1_000_000

export class Buckets {
  readonly #buckets = new Map<string, Bucket>()

  get(key: string, owner: string, plan: WindowPlan, nowMs: number): Bucket {
    const known = this.#buckets.get(key)
    if (known !== undefined && known.plan === plan) return known
    if (this.#buckets.size >= MAX_BUCKETS) this.#forgetUnused(nowMs)
    const bucket = { plan, window: newWindow(plan), owner, sinceMs: nowMs }
    this.#buckets.set(key, bucket)
    return bucket
  }

  all(): IterableIterator<Bucket> {
    return this.#buckets.values()
  }

  size(): number {
    return this.#buckets.size
  }

  clear(): void {
    this.#buckets.clear()
  }

  /** Where all are in use, the oldest goes. */
  #forgetUnused(nowMs: number): void {
    for (const [key, { window, plan }] of this.#buckets)
      if (window.remaining(nowMs) === plan.limit) this.#buckets.delete(key)
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size >= MAX_BUCKETS && oldest !== undefined) this.#buckets.delete(oldest)
  }
}

/** The most that could have passed since `fromMs`, or since the bucket is there: every window used up as it began. */
export function allowance({ plan, sinceMs }: Pick<Bucket, "plan" | "sinceMs">, fromMs: number, nowMs: number): number {
  const elapsedMs = nowMs - Math.max(sinceMs, fromMs)
  return Math.max(1, Math.ceil(elapsedMs / plan.windowMs)) * plan.limit
}
