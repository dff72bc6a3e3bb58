// The proxy's configuration as the rest of the program sees it: complete, checked, frozen, with units in its names.
// `readProxyConfig` makes it from proxy.toml and the environment.

import type { ListenAddress, LogConfig } from "./gateway-config.ts"
import type { Secret } from "./secret.ts"

export interface ProxyConfig {
  /** How long a request may take, its wait included, where it does not say so itself. Absent: no such bound. */
  readonly timeoutMs?: number
  readonly shutdownTimeoutMs: number
  /** Equal GETs of one token that are in flight together become one. */
  readonly coalesce: boolean
  readonly http: ListenAddress
  readonly discord: DiscordConfig
  /** Connections to Discord at most. */
  readonly connections: number
  readonly limits: LimitsConfig
  readonly broker: ProxyBrokerConfig | null
  readonly metrics: ProxyMetricsConfig
  readonly log: LogConfig
}

export interface DiscordConfig {
  /** For requests that carry no Authorization. */
  readonly token?: Secret
  readonly scheme: "https" | "http"
  readonly host: string
  /** For paths that name no version. */
  readonly apiVersion: number
}

export interface LimitsConfig {
  /** Requests a second of a token. */
  readonly globalPerSecond: number
  /** The same for single bots, by their id. */
  readonly botsPerSecond: ReadonlyMap<string, number>
  /** Requests that may wait for one bucket, and in all. */
  readonly queuePerBucket: number
  readonly queue: number
  /** A bucket without a request for this long is forgotten. */
  readonly idleMs: number
  readonly store: LimitStoreConfig
}

/** Who keeps the limits: this process, or Redis for all that share it. */
export type LimitStoreConfig =
  | { readonly type: "memory" }
  | {
      readonly type: "redis"
      /** One server, some of a cluster's, or one URL of sentinels. */
      readonly urls: readonly Secret[]
      /** The authority of the servers' certificates, PEM. */
      readonly ca?: string
      /** Names the IP address that requests go out from. */
      readonly address: string
    }

/** Where requests come from beside HTTP. */
export type ProxyBrokerConfig = { readonly group: string; readonly event: string; readonly ca?: string } & (
  | { readonly type: "redis"; readonly url: Secret; readonly poolSize: number }
  | { readonly type: "amqp"; readonly url: Secret }
)

export interface ProxyMetricsConfig {
  /** Absent: no metrics and no health server. */
  readonly address?: ListenAddress
  readonly path: string
}
