// What a simulator can be told, and what it does when it is not.

import type { Codec } from "../codec/codec.ts"
import type { Intent } from "../discord/intents.ts"
import { PRIVILEGED_INTENTS } from "../discord/intents.ts"
import type { Clock } from "../flow/clock.ts"
import { systemClock } from "../flow/clock.ts"
import type { LimitChange } from "./rest/limits/settings.ts"

/** Events a second and shard; `flat-out`: as fast as each client reads. */
export type TrafficRate = number | "flat-out"

export interface SimulatorOptions {
  /** Where to listen. Default `127.0.0.1`. */
  readonly hostname?: string
  /** The REST port. Default 0: any free one. */
  readonly port?: number
  /** The gateway's port: at Discord it is another host. Default 0: any free one. */
  readonly gatewayPort?: number
  /** The one token that is accepted. Without it any is. */
  readonly token?: string
  /** Makes the world and the traffic. Default 1. */
  readonly seed?: number
  /** Default 10. */
  readonly guilds?: number
  /** Members of each guild. Without it sizes vary between 5 and 90. */
  readonly membersPerGuild?: number
  /** The shard count that `/gateway/bot` recommends. Default 1. */
  readonly shards?: number
  /** A very large bot's shard count must be a multiple of this. Default 1. */
  readonly shardMultiple?: number
  /** Traffic from the start. Default 0: only what is dispatched by hand. */
  readonly rate?: TrafficRate
  /** Default 41,250. */
  readonly heartbeatIntervalMs?: number
  /** How long a session outlives its connection. Default 180,000. */
  readonly sessionLifetimeMs?: number
  /** Events kept for a resume. Default max(100, min(3,500, guilds of the shard × 75)). */
  readonly replayEvents?: number
  /** Identifies a day. Default 1,000. */
  readonly identifiesPerDay?: number
  /** Identifies per 5 s. Default 1. */
  readonly maxConcurrency?: number
  /** Privileged intents that the developer portal grants. Default all. */
  readonly grantedIntents?: readonly Intent[]
  /** How many dispatches each session's log remembers. Default 1,000,000. */
  readonly logEvents?: number
  /** How many things clients did are remembered. Default 100,000. */
  readonly recordEntries?: number
  /** False: REST requests are counted but not recorded one by one, as in a benchmark. Default true. */
  readonly recordRequests?: boolean
  /** Changes to REST's limits; `{ enforced: false }` switches them off. */
  readonly limits?: LimitChange
  /** Compresses what is sent. Default: the native codec where it loads, else the portable one. */
  readonly codec?: Codec
  readonly clock?: Clock
}

export type Settings = Readonly<
  Required<Omit<SimulatorOptions, "token" | "membersPerGuild" | "replayEvents" | "codec">>
> &
  Pick<SimulatorOptions, "token" | "membersPerGuild" | "replayEvents">

const DEFAULTS = {
  hostname: "127.0.0.1",
  port: 0,
  gatewayPort: 0,
  seed: 1,
  guilds: 10,
  shards: 1,
  shardMultiple: 1,
  rate: 0,
  heartbeatIntervalMs: 41_250,
  sessionLifetimeMs: 180_000,
  identifiesPerDay: 1_000,
  maxConcurrency: 1,
  grantedIntents: PRIVILEGED_INTENTS,
  logEvents: 1_000_000,
  recordEntries: 100_000,
  recordRequests: true,
  limits: {},
  clock: systemClock,
} as const satisfies SimulatorOptions

export function settingsOf(options: SimulatorOptions): Settings {
  return { ...DEFAULTS, ...options }
}
