// Every lane of every token under one key, so that a request finds its own in one lookup. With a hundred thousand lanes
// nothing of a lane is in the processor's cache: what a request costs is the number of objects that it touches.

import { MAX_LANES } from "../holds.ts"
import type { LimitRequest } from "../limiter.ts"
import { HashNames, type TokenLane, TokenLanes } from "./token-lanes.ts"

export class LaneIndex {
  readonly #lanes = new Map<number, TokenLane>()
  readonly #tokens = new Map<string, TokenLanes>()
  readonly #names = new HashNames()
  readonly #maxLanes: number

  constructor(maxLanes = MAX_LANES) {
    this.#maxLanes = maxLanes
  }

  lanes(): IterableIterator<TokenLane> {
    return this.#lanes.values()
  }

  tokens(): IterableIterator<TokenLanes> {
    return this.#tokens.values()
  }

  /** Null where it would be one lane too many. */
  laneOf(request: LimitRequest): TokenLane | null {
    return this.#lanes.get(request.laneKey) ?? this.#add(request)
  }

  /** Forgets a lane that is idle, unless it is the last of a token of which something is known. */
  forget(lane: TokenLane, nowMs: number): void {
    const { token } = lane
    if (token.size === 1) {
      if (!token.isIdle(nowMs)) return
      this.#tokens.delete(token.identity)
    }
    token.forget(lane)
    this.#lanes.delete(lane.key)
  }

  #add(request: LimitRequest): TokenLane | null {
    if (this.#lanes.size >= this.#maxLanes) return null
    const { identity, laneKey, route } = request
    let token = this.#tokens.get(identity)
    if (token === undefined) {
      token = new TokenLanes(identity, request.perSecond(), this.#names)
      this.#tokens.set(identity, token)
    }
    const lane = token.newLane(laneKey, route)
    this.#lanes.set(laneKey, lane)
    return lane
  }
}
