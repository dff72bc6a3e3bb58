// What units tell, counted.

import type { GatewayMetrics } from "../ops/gateway-metrics.ts"
import type { UnitEvents } from "./shard-unit.ts"

/** @param refuse Discord will not have a shard; the message says what to change */
export function unitEvents(metrics: GatewayMetrics, refuse: (message: string) => void): UnitEvents {
  return {
    live: () => {},
    down: ({ shard }, kind) => metrics.reconnected(shard, kind),
    decodeFailed: ({ shard }, kind) => metrics.decodeFailed(shard, kind),
    sent: ({ shard }, op) => metrics.packetSent(shard, op),
    received: ({ shard }, op) => metrics.packetReceived(shard, op),
    pinged: () => {},
    confirmed: (_shard, _events, latencyMs) => metrics.confirmed(latencyMs),
    refused: ({ shard }, remedy) => refuse(`Cannot run shard ${shard}: ${remedy}`),
  }
}
