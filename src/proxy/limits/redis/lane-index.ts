// Every token of this process with its lanes, up to a bound.

import { MAX_LANES } from "../holds.ts"
import type { LimitRequest } from "../limiter.ts"
import type { SharedLane, SharedToken } from "./token.ts"

export class LaneIndex {
  readonly #tokens = new Map<string, SharedToken>()
  readonly #lanes = new Map<number, SharedLane>()
  readonly #newToken: (identity: string, perSecond: number) => SharedToken

  constructor(newToken: (identity: string, perSecond: number) => SharedToken) {
    this.#newToken = newToken
  }

  lanes(): IterableIterator<SharedLane> {
    return this.#lanes.values()
  }

  tokens(): IterableIterator<SharedToken> {
    return this.#tokens.values()
  }

  token(identity: string): SharedToken | undefined {
    return this.#tokens.get(identity)
  }

  /** Null where it would be one lane too many. */
  laneOf(request: LimitRequest): SharedLane | null {
    const known = this.#lanes.get(request.laneKey)
    if (known !== undefined) return known
    return this.#lanes.size < MAX_LANES ? this.#add(request) : null
  }

  /** Forgets a lane that is idle, unless it is the last of a token of which something is known. */
  forget(lane: SharedLane, nowMs: number): void {
    const { token } = lane
    if (token.size === 1) {
      if (!token.isIdle(nowMs)) return
      token.close()
      this.#tokens.delete(token.options.identity)
    }
    token.forget()
    this.#lanes.delete(lane.key)
  }

  #add(request: LimitRequest): SharedLane {
    const { identity, laneKey, route } = request
    let token = this.#tokens.get(identity)
    if (token === undefined) {
      token = this.#newToken(identity, request.perSecond())
      this.#tokens.set(identity, token)
    }
    const lane = token.newLane(laneKey, route)
    this.#lanes.set(laneKey, lane)
    return lane
  }
}
