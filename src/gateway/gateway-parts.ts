// What a gateway is given: everything it works with is passed in.

import type { Broker } from "../brokers/broker.ts"
import type { Codec } from "../codec/codec.ts"
import type { GatewayConfig } from "../config/gateway-config.ts"
import type { Clock } from "../flow/clock.ts"
import type { GatewayMetrics } from "../ops/gateway-metrics.ts"
import type { Logger } from "../ops/log.ts"
import type { LeasesOptions } from "./fleet/leases.ts"
import type { IdentifyQueue, IdentifyQueueOptions } from "./identify/identify-queue.ts"
import type { ReshardingOptions } from "./reshard/resharding.ts"
import type { SessionStore } from "./sessions/session.ts"
import type { Dial } from "./socket.ts"

export interface GatewayParts {
  readonly config: GatewayConfig
  readonly codec: Codec
  readonly broker: Broker
  readonly store: SessionStore
  readonly metrics: GatewayMetrics
  readonly log: Logger
  readonly clock: Clock
  readonly random: () => number
  /** `setImmediate`. */
  readonly soon: (run: () => void) => void
  readonly dial: Dial
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** What this process is called among those of the bot. */
  readonly node?: string
  /** Who gives identify slots; without it, this process to its own shards. */
  readonly identifyQueue?: (options: IdentifyQueueOptions) => IdentifyQueue
  /** Absent: the configuration says which shards run here. */
  readonly leases?: LeaseParts
}

/** What leases are made of, beside what every gateway has. */
export interface LeaseParts extends Pick<LeasesOptions, "ledger" | "sessions" | "admission" | "drop" | "load"> {
  /** By which the bot is resharded. */
  readonly reshard: Pick<ReshardingOptions, "reshards" | "newExchange" | "times" | "newAttempt">
  readonly member: Omit<LeasesOptions["member"], "set">
}
