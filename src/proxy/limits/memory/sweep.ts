// Forgets idle lanes, some of them at a time, so that a hundred thousand of them never hold up a request.

import type { Clock } from "../../../flow/clock.ts"
import type { TokenLane, TokenLanes } from "./token-lanes.ts"

const SWEEP_EVERY_MS = 500
const LANES_A_SWEEP = 2_000

/**
 * Sweeps until the function returned is called.
 * @param idleMs lanes without a request for this long are forgotten, once nothing is known of them that still holds.
 */
export function sweepLanes(clock: Clock, tokens: Map<string, TokenLanes>, idleMs: number): () => void {
  let sweeping = lanesOf(tokens)
  const sweep = () => {
    const nowMs = clock.nowMs()
    for (let looked = 0; looked < LANES_A_SWEEP; looked += 1) {
      const { done, value: lane } = sweeping.next()
      if (done === true) {
        sweeping = lanesOf(tokens)
        break
      }
      if (!lane.isIdle(nowMs, nowMs - idleMs)) continue
      lane.token.forget(lane)
      if (lane.token.isIdle(nowMs)) tokens.delete(lane.token.identity)
    }
    cancel = clock.after(SWEEP_EVERY_MS, sweep)
  }
  let cancel = clock.after(SWEEP_EVERY_MS, sweep)
  return () => cancel()
}

function* lanesOf(tokens: ReadonlyMap<string, TokenLanes>): Generator<TokenLane, undefined> {
  for (const token of tokens.values()) yield* token.lanes()
}
