// What Redis' commands for a fleet cost it, as `bun run bench leases` measured them on the machine of BENCHMARKS.md, for 16,000
// shards of 40 gateways. A lease is taken for as dear as a shard that is held: both are one HGET.

import type { Costs } from "./simulated-redis.ts"

export const MEASURED_COSTS: Costs = {
  ...{ exchangeMs: 0.39, heldMs: 0.001_9, leaseMs: 0.001_9, sessionMs: 0.006_4 },
  // Not measured: CLIENT LIST and a CLIENT KILL for each connection.
  fenceMs: 2,
}
