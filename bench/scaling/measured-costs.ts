// What Redis' commands for a fleet cost it, as `bun run bench leases` measured them on the machine of BENCHMARKS.md.

import type { Costs } from "./simulated-redis.ts"

export const MEASURED_COSTS: Costs = { exchangeMs: 0.4, heldMs: 0.001_5, leaseMs: 0.001, sessionMs: 0.02, fenceMs: 2 }
