// What a shard is made of, what it tells, and what an operator sees of it.

import type { Decoder } from "../codec/decoder.ts"
import type { GatewayQuery } from "../discord/gateway-url.ts"
import type { Clock } from "../flow/clock.ts"
import type { Logger } from "../ops/log.ts"
import type { Delivery } from "./delivery.ts"
import type { IdentifyQueue } from "./identify/identify-queue.ts"
import type { DownKind, Phase } from "./protocol/state.ts"
import type { Dial } from "./socket.ts"

/** What Identify says of the bot. */
export interface Identity {
  readonly token: () => string
  readonly intents: number
  readonly presence: unknown
}

export interface ShardEvents {
  readonly live: (resumed: boolean) => void
  /** A new session, and the guilds that it begins with. */
  readonly ready: (guildIds: readonly string[]) => void
  readonly down: (kind: DownKind) => void
  readonly decodeFailed: (kind: string) => void
  readonly sent: (op: number) => void
  readonly received: (op: number) => void
  readonly pinged: (latencyMs: number) => void
  readonly stopped: (remedy: string | null) => void
  /** The number of failed resumes of the current session changed. */
  readonly resumeFailed: (failures: number) => void
}

export interface ShardOptions {
  readonly id: number
  readonly count: number
  /** Shards of two sets may have one id. */
  readonly slot: number
  /** Whether it comes up beside the bot's own shards. */
  readonly isBeside: () => boolean
  readonly gatewayUrl: string
  readonly query: GatewayQuery
  readonly identity: Identity
  readonly decoder: Decoder
  readonly delivery: Delivery
  readonly identify: IdentifyQueue
  readonly dial: Dial
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  readonly on: ShardEvents
}

/** What an operator sees of a shard. */
export interface ShardStatus {
  readonly id: number
  readonly phase: Phase
  readonly sessionId: string | null
  /** When Discord began the session, in Unix milliseconds; null while there is none, or where nobody kept it. */
  readonly sessionStartedMs: number | null
  readonly sequence: number
  readonly latencyMs: number | null
  readonly queuedSends: number
  readonly windowEvents: number
  readonly windowBytes: number
  readonly lastDown: { readonly reason: string; readonly atMs: number } | null
}
