// Forgets idle lanes, some of them at a time, so that a hundred thousand of them never hold up a request.

import type { Clock } from "../../flow/clock.ts"

const SWEEP_EVERY_MS = 500
const LANES_A_SWEEP = 2_000

interface Lane {
  /** Without a request since `sinceMs`, and nothing is known of it that still holds. */
  isIdle(nowMs: number, sinceMs: number): boolean
}

/** All lanes of a limiter. */
interface LaneIndex<L extends Lane> {
  lanes(): Iterator<L>
  forget(lane: L, nowMs: number): void
}

/**
 * Sweeps until the function returned is called.
 * @param idleMs lanes without a request for this long are forgotten
 */
export function sweepLanes<L extends Lane>(clock: Clock, index: LaneIndex<L>, idleMs: number): () => void {
  let sweeping = index.lanes()
  const sweep = () => {
    const nowMs = clock.nowMs()
    for (let looked = 0; looked < LANES_A_SWEEP; looked += 1) {
      const { done, value: lane } = sweeping.next()
      if (done === true) {
        sweeping = index.lanes()
        break
      }
      if (lane.isIdle(nowMs, nowMs - idleMs)) index.forget(lane, nowMs)
    }
    cancel = clock.after(SWEEP_EVERY_MS, sweep)
  }
  let cancel = clock.after(SWEEP_EVERY_MS, sweep)
  return () => cancel()
}
