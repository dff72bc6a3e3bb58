// The gateway's Redis broker as the benchmarks have it.

import type { Broker } from "../../src/brokers/broker.ts"
import { redisBroker } from "../../src/brokers/redis/broker.ts"
import { silentLogger } from "../../src/ops/log.ts"
import { GROUP, RETENTION_MS } from "./settings.ts"

export function redisBrokerAt(url: string): Broker {
  return redisBroker({
    ...{ urls: [url], group: GROUP, body: "msgpack", trimming: { retentionMs: RETENTION_MS }, poolSize: 1 },
    logger: silentLogger,
  })
}
