// What all cases of the fan-out benchmark have in common.

import type { Encoding } from "../../src/codec/encoding.ts"

export const GROUP = "gateway"
export const RETENTION_MS = 3_600_000
export const REDIS_ENCODING: Encoding = { body: "msgpack", framing: { type: "redis", retentionMs: RETENTION_MS } }
export const MESSAGE_TIMEOUT_MS = 120_000
/** Unconfirmed events: as many as a shard may have. */
export const WINDOW_EVENTS = 8_192
/** Half a second at full rate, and a few seconds: long enough that a burst's beginning and end don't matter. */
export const REDIS_BURST = 100_000
export const RABBITMQ_BURST = 40_000
/** As a shard publishes under load. */
export const BATCH_EVENTS = 64
