// The gateway's configuration as the rest of the program sees it: complete, checked, frozen, with units in its names.
// `readGatewayConfig` makes it from gateway.toml and the environment.

import { COMPRESSIONS } from "../discord/gateway-url.ts"
import type { Secret } from "./secret.ts"

export interface GatewayConfig {
  readonly token: Secret
  /** The names of the events to publish, each once. */
  readonly events: readonly string[]
  /** The bit field that Identify carries. */
  readonly intents: number
  readonly gatewayVersion: number
  readonly shards: ShardsConfig
  /** Sent with Identify; absent: Discord's default. */
  readonly presence?: Presence
  /** Where Discord's REST API is. */
  readonly api: ApiConfig
  readonly broker: BrokerConfig
  readonly prometheus: PrometheusConfig
  readonly shardStore: ShardStoreConfig
  readonly compression: CompressionSetting
  readonly codec: CodecSetting
  /** How many of the day's identifies are never used. */
  readonly identifyReserve: number
  readonly identifyQueue: IdentifyQueueConfig
  /** Absent: nobody steers the gateway over HTTP. */
  readonly admin?: AdminConfig
  /** How long a shutdown may take before the process exits all the same. */
  readonly shutdownTimeoutMs: number
  readonly log: LogConfig
}

export interface ShardsConfig {
  /** The bot's shards over all processes. Absent: as many as Discord recommends. */
  readonly count?: number
  /** Those that this process runs, ascending, each smaller than `count`. Absent: all of them. */
  readonly ids?: readonly number[]
  /** The bot's processes share its shards by leases in Redis. Absent: `count` and `ids` say what runs here. */
  readonly leases?: LeaseConfig
}

export interface LeaseConfig {
  readonly leaseMs: number
  /** This process's share, against the weights of the others. */
  readonly weight: number
  /** Shards that this process takes at most. */
  readonly capacity: number
  /** Of one CPU: above, it takes no more as long as others have room. Absent: its load is not measured. */
  readonly maxLoad?: number
  /** The bot is given more shards when it has outgrown them. */
  readonly isAuto: boolean
  /** By how much one session may get an event later than another. */
  readonly reshardSkewMs: number
}

export interface ApiConfig {
  readonly scheme: "https" | "http"
  /** A host, with a port where it is not the scheme's. */
  readonly host: string
  readonly version: number
}

export type BrokerFormat = "json" | "msgpack" | "discordjs"

interface AnyBroker {
  readonly group: string
  /** How long a message may wait for a consumer. */
  readonly messageTimeoutMs: number
  readonly format: BrokerFormat
}

export type BrokerConfig =
  | (AnyBroker & { readonly type: "stdio" })
  | (AnyBroker & { readonly type: "redis"; readonly redis: RedisConfig })
  | (AnyBroker & { readonly type: "amqp"; readonly amqp: AmqpConfig })

export interface RedisConfig {
  /** One, or the nodes of a cluster; each with its scheme. Sentinels are one URL together. */
  readonly urls: readonly Secret[]
  /** The authority of the servers' certificates, PEM. Absent: the system's. */
  readonly ca?: string
  readonly poolSize: number
  /** How many must have an event before it is confirmed. */
  readonly replicas: number
  /** What a stream keeps. */
  readonly trimming: RedisTrimming
}

/** How old an entry gets, or how many stay: XADD takes one of the two. */
export type RedisTrimming = { readonly retentionMs: number } | { readonly maxLength: number }

export interface AmqpConfig {
  /** The hosts of one cluster, tried in turn; at least one, each with its scheme. */
  readonly urls: readonly Secret[]
  /** The authority of the servers' certificates, PEM. Absent: the system's. */
  readonly ca?: string
}

export interface PrometheusConfig {
  /** Absent: no metrics and no health server. */
  readonly address?: ListenAddress
  readonly endpoint: string
}

export interface ListenAddress {
  readonly hostname: string
  readonly port: number
}

/** Where sessions outlive the process, or that they do not. */
export type ShardStoreConfig =
  | { readonly type: "memory" }
  | { readonly type: "redis"; readonly prefix: string; readonly redis: RedisConfig }
  | { readonly type: "file"; readonly path: string }

/** Who gives identify slots: this process to its own shards, or Redis to those of every process of the bot. */
export type IdentifyQueueConfig =
  | { readonly type: "memory" }
  | { readonly type: "redis"; readonly prefix: string; readonly redis: RedisConfig }

export interface AdminConfig {
  readonly address: ListenAddress
  /** What callers have to show. */
  readonly token: Secret
}

export const COMPRESSION_SETTINGS = ["auto", ...COMPRESSIONS] as const

/** `auto`: the one that costs the codec less, zstd for the native one and zlib for the portable one. */
export type CompressionSetting = (typeof COMPRESSION_SETTINGS)[number]

/** `auto`: native where it loads, else portable. */
export type CodecSetting = "auto" | "native" | "portable"

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

export interface LogConfig {
  readonly level: LogLevel
  readonly format: "pretty" | "json"
}

/**
 * A presence as Discord takes it.
 * Source: Discord's documentation, Gateway Events › Update Presence.
 */
export interface Presence {
  readonly status: "online" | "dnd" | "idle" | "invisible" | "offline"
  readonly activities: readonly Activity[]
  /** Unix ms since when the bot is idle. */
  readonly since: number | null
  readonly afk: boolean
}

/** The fields that bots may set; others are passed on as they are. */
export interface Activity {
  readonly name: string
  readonly type: number
  readonly [field: string]: unknown
}
