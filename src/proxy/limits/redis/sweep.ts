// Forgets idle lanes, some of them at a time, so that a hundred thousand of them never hold up a request. What still holds of
// their buckets, Redis knows.

import type { Clock } from "../../../flow/clock.ts"
import type { SharedLane, SharedToken } from "./token.ts"

const SWEEP_EVERY_MS = 500
const LANES_A_SWEEP = 2_000

/**
 * Sweeps until the function returned is called.
 * @param idleMs lanes without a request for this long are forgotten
 */
export function sweep(clock: Clock, tokens: Map<string, SharedToken>, idleMs: number): () => void {
  let sweeping = lanesOf(tokens)
  const run = () => {
    const nowMs = clock.nowMs()
    for (let looked = 0; looked < LANES_A_SWEEP; looked += 1) {
      const { done, value: lane } = sweeping.next()
      if (done === true) {
        sweeping = lanesOf(tokens)
        break
      }
      if (!lane.isIdle(nowMs, nowMs - idleMs)) continue
      lane.token.forget(lane)
      if (!lane.token.isIdle(nowMs)) continue
      lane.token.close()
      tokens.delete(lane.token.options.identity)
    }
    cancel = clock.after(SWEEP_EVERY_MS, run)
  }
  let cancel = clock.after(SWEEP_EVERY_MS, run)
  return () => cancel()
}

function* lanesOf(tokens: ReadonlyMap<string, SharedToken>): Generator<SharedLane, undefined> {
  for (const token of tokens.values()) yield* token.lanes()
}
