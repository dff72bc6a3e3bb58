// A token's turn: what its lanes have to say and what they want, and what is decided. Redis decides (redis-turns.ts), or
// this process alone while Redis is gone (lone-turns.ts).

import type { WindowHeaders } from "../limit-headers.ts"
import type { Route } from "../routes.ts"

/** What a turn must know of a lane. */
export interface TurnLane {
  readonly route: Route
  /** Outside the token's global limit. */
  readonly isOutside: boolean
  /** Without the major parameter; empty while nothing is known of it. */
  bucketName: string
  /** The same for all lanes that share the bucket. */
  readonly bucketKey: string
  /** A 429 has shown a limit that no header tells of: from then on one at a time. */
  isCautious: boolean
  /** Permits in flight, by id, with when each was given out or last renewed. */
  readonly held: ReadonlyMap<string, number>
  /** What the last turn said of the bucket; `resetInMs` from now. */
  known(nowMs: number): BucketReading | null
}

/** How a permit ended. */
export interface Settlement {
  readonly lane: TurnLane
  readonly id: string
  readonly outcome:
    | { readonly type: "unsent" }
    | { readonly type: "unanswered" }
    | { readonly type: "answered"; readonly window: WindowHeaders | null }
    | { readonly type: "limited"; readonly retryAfterMs: number }
  /** On this process' clock. */
  readonly sentMs: number
  readonly answeredMs: number
  /** 429 for the whole token. */
  readonly globalRetryMs?: number
  /** A limit that no header shows: how long to wait, 0 where that is the bucket's affair. */
  readonly hiddenRetryMs?: number
  /** Discord refuses the token. */
  readonly isRefused?: boolean
}

export interface Want {
  readonly lane: TurnLane
  readonly permits: number
}

/** Permits that are in flight for long, and are still held. */
export interface Hold {
  readonly lane: TurnLane
  readonly ids: readonly string[]
}

export interface Turn {
  /** The digest. */
  readonly identity: string
  readonly perSecond: number
  readonly settlements: readonly Settlement[]
  readonly holds: readonly Hold[]
  readonly wants: readonly Want[]
}

export interface Granted {
  readonly id: string
  readonly startsInMs: number
}

/** Why a lane got fewer permits than it wanted. */
export type Shortage =
  | { readonly type: "none" }
  /** null: only an answer can tell. */
  | { readonly type: "bucket"; readonly opensInMs: number | null }
  | { readonly type: "global"; readonly opensInMs: number }
  /** It belongs to another bucket: ask again. */
  | { readonly type: "moved" }

/** What is known of a bucket. */
export interface BucketReading {
  readonly isTold: boolean
  readonly limit: number
  readonly remaining: number
  readonly inFlight: number
  readonly resetInMs: number
  readonly windowMs: number
}

export interface WantReply {
  readonly granted: readonly Granted[]
  readonly shortage: Shortage
  readonly bucket: BucketReading | null
}

export interface TurnReply {
  /** Another number than before: somebody else has decided, who does not know what was sent lately. */
  readonly decider: number
  /** One for each want. */
  readonly wants: readonly WantReply[]
  /** Lanes that are at home in another bucket than was thought. */
  readonly moved: readonly { readonly lane: TurnLane; readonly bucketName: string }[]
  /** To be said again, since their lanes have moved. */
  readonly unsettled: readonly Settlement[]
  readonly refusedForMs: number
  readonly blockedForMs: number
  readonly perSecond: number
}
