// Forgets idle lanes, some of them at a time, so that a hundred thousand of them never hold up a request. What still holds of
// their buckets, Redis knows.

import type { Clock } from "../../../flow/clock.ts"
import type { LaneIndex } from "./lane-index.ts"

const SWEEP_EVERY_MS = 500
const LANES_A_SWEEP = 2_000

/**
 * Sweeps until the function returned is called.
 * @param idleMs lanes without a request for this long are forgotten
 */
export function sweep(clock: Clock, index: LaneIndex, idleMs: number): () => void {
  let sweeping = index.lanes()
  const run = () => {
    const nowMs = clock.nowMs()
    for (let looked = 0; looked < LANES_A_SWEEP; looked += 1) {
      const { done, value: lane } = sweeping.next()
      if (done === true) {
        sweeping = index.lanes()
        break
      }
      if (lane.isIdle(nowMs, nowMs - idleMs)) index.forget(lane, nowMs)
    }
    cancel = clock.after(SWEEP_EVERY_MS, run)
  }
  let cancel = clock.after(SWEEP_EVERY_MS, run)
  return () => cancel()
}
