// What a gateway knows of its place in the fleet, what it is told, and what it wants done. The rules are in step.ts.

import type { ShardSet } from "../shard-set.ts"
import type { Plan } from "./balance.ts"
import type { Answer, Beat, Book, Invite } from "./ledger.ts"

/**
 * Where a shard of ours stands. `serving`: it runs. `draining`: it stops reading, waits for confirms and stores its
 * session. `drained`: it is closed, and the ledger is to be told.
 */
export type Stage = "serving" | "draining" | "drained"

export interface Holding {
  readonly token: number
  readonly stage: Stage
  readonly isLive: boolean
  /** Who gets it, once drained; null: whoever wants it. */
  readonly to: string | null
  /** By an operator's order. */
  readonly isPinned: boolean
  /** Its set closes: once drained, its session is closed for good. */
  readonly isEnding: boolean
}

export interface MemberOptions {
  readonly id: string
  readonly weight: number
  readonly capacity: number
  /** The bot's shards, as far as this process knows. */
  readonly set: ShardSet
  readonly leaseMs: number
  /** Those of waves.ts where absent. */
  readonly waves?: WaveBounds
}

/** Of shards that move to balance. */
export interface WaveBounds {
  /** Invited by a node, and not live there yet. */
  readonly perTaker: number
  /** Of these from one owner; and what an owner hands over at once. */
  readonly perGiver: number
}

/** A shard that a node may hand over to us. */
export interface Invitation {
  readonly from: string
  /** Its owner's. */
  readonly token: number
  /** By the ledger's clock: it is not invited any more, but may be on its way. Null: it is invited. */
  readonly withdrawnMs: number | null
}

/** As measured last; a node whose load is not measured has none. */
export interface Load {
  readonly isOver: boolean
  /** Shards that it may invite until its load is measured again. */
  readonly growthLeft: number
}

export interface MemberState {
  readonly options: MemberOptions
  /** `left`: nothing is held, and nothing is done any more. */
  readonly phase: "in" | "leaving" | "left"
  readonly isDraining: boolean
  readonly holdings: ReadonlyMap<number, Holding>
  /** By the own clock, until when nobody else can have what is held here. */
  readonly heldUntilMs: number
  /** A beat is on its way. */
  readonly isAsking: boolean
  /** Another is due as soon as that one is answered. */
  readonly isAskedAgain: boolean
  /** What the last beat asked for. */
  readonly claimed: readonly number[]
  /** Of each shard the token under which a beat has handed it over last. */
  readonly given: ReadonlyMap<number, number>
  /** What the last beat invited. */
  readonly invited: readonly Invite[]
  /** Shards on their way here to balance, by our own invitation. */
  readonly intake: ReadonlyMap<number, Invitation>
  readonly load: Load | null
  /** The last answer's. */
  readonly book: Book | null
  /** What should become of it. */
  readonly plan: Plan | null
  /** Nodes whose connections are being ended by us. */
  readonly fencing: ReadonlySet<string>
  /** Those whose connections we have ended; told with the next beat. */
  readonly fenced: readonly string[]
  /** The ledger, by its `claimFromMs`, before whose first claims we are ending the connections of those that are not back. */
  readonly sweeping: number | null
  /** That for which we have; told with the next beat. */
  readonly swept: number | null
}

export type Input =
  /** A timer ran out, or there may be news. */
  | { readonly type: "ask" }
  /** @param sentMs when the beat left, by the own clock */
  | { readonly type: "answer"; readonly answer: Answer; readonly sentMs: number }
  | { readonly type: "no-answer" }
  /** By the own clock, others may have our shards from now on. */
  | { readonly type: "expired" }
  | { readonly type: "live"; readonly shard: number; readonly token: number; readonly isLive: boolean }
  | { readonly type: "drained"; readonly shard: number; readonly token: number }
  /** How much of its CPU the process has used of late: whether that is more than it should. */
  | { readonly type: "measured"; readonly isOver: boolean }
  | { readonly type: "fenced"; readonly node: string }
  | { readonly type: "fence-failed"; readonly node: string }
  /** @param ledger its `claimFromMs` */
  | { readonly type: "swept"; readonly ledger: number }
  | { readonly type: "sweep-failed"; readonly ledger: number }
  /** Hand everything over and take nothing any more. */
  | { readonly type: "drain" }
  | { readonly type: "move"; readonly shard: number; readonly to: string }
  /** As `drain`, and then leave the fleet. */
  | { readonly type: "leave" }

export interface Facts {
  readonly nowMs: number
  /** It waits for READY: ending it now would waste an identify. */
  readonly isIdentifying: (shard: number) => boolean
}

/** Why shards are given up at once. */
export type CutReason =
  /** The ledger could not be reached for so long that others may have them. */
  | "expired"
  /** The ledger says that they are another's. */
  | "taken"
  /** The ledger says that this node's lease passed. */
  | "fenced"

export type Effect =
  | { readonly type: "beat"; readonly beat: Beat }
  /** Load the session and run the shard. */
  | { readonly type: "serve"; readonly shard: number; readonly token: number; readonly wasClaimed: boolean }
  /** Stop reading, wait for confirms, store the session, close resumably; then `drained`. */
  | { readonly type: "drain"; readonly shard: number; readonly token: number }
  /** Its set closes: once it has nothing more to publish, stop it and forget its session; then `drained`. */
  | { readonly type: "retire"; readonly shard: number; readonly token: number }
  /** Close resumably now, and publish and store nothing more of it. */
  | { readonly type: "cut"; readonly shard: number; readonly reason: CutReason }
  | { readonly type: "fence"; readonly node: string }
  /** End the connections of all nodes but these; then `swept`. */
  | { readonly type: "sweep"; readonly ledger: number; readonly spared: readonly string[] }
  | { readonly type: "timer"; readonly timer: TimerName; readonly delayMs: number }
  | { readonly type: "cancel"; readonly timer: TimerName }
  /** The others run another set of shards. */
  | { readonly type: "other-count"; readonly set: ShardSet }
  | { readonly type: "left" }

export type TimerName = "beat" | "expiry"

export interface Step {
  readonly state: MemberState
  readonly effects: readonly Effect[]
}

export function newMember(options: MemberOptions): MemberState {
  return {
    options,
    phase: "in",
    isDraining: false,
    holdings: new Map(),
    heldUntilMs: Number.NEGATIVE_INFINITY,
    isAsking: false,
    isAskedAgain: false,
    claimed: [],
    given: new Map(),
    invited: [],
    intake: new Map(),
    load: null,
    book: null,
    plan: null,
    fencing: new Set(),
    fenced: [],
    sweeping: null,
    swept: null,
  }
}

/** Steps one after another: each begins where the one before ended. */
export function then(first: Step, ...rest: readonly ((state: MemberState) => Step)[]): Step {
  return rest.reduce((before, next) => {
    const { state, effects } = next(before.state)
    return { state, effects: [...before.effects, ...effects] }
  }, first)
}

export function without(set: ReadonlySet<string>, one: string): ReadonlySet<string> {
  return new Set([...set].filter((other) => other !== one))
}
