// Check of what keeps a dead process from writing, where processes share the bot's shards.

import { placeOf } from "../../brokers/redis/address.ts"
import { newClient } from "../../brokers/redis/clients.ts"
import { ASK_WITHIN_MS, isCluster } from "../../brokers/redis/mode.ts"
import type { GatewayConfig } from "../../config/gateway-config.ts"
import { systemClock } from "../../flow/clock.ts"
import { noFenceInCluster, whyNoneMayBeEnded } from "../../gateway/fleet/fencing.ts"
import { silentLogger } from "../../ops/log.ts"
import { bad, type Finding, good } from "./finding.ts"

const SUBJECT = "fence"
const SILENT_MS = 5_000

/** Null where nothing is shared. Whether Redis answers at all is another check's. */
export async function fenceFinding({ shards, shardStore, broker }: GatewayConfig): Promise<Finding | null> {
  if (shards.leases === undefined || shardStore.type !== "redis") return null
  const { urls, ca } = shardStore.redis
  const location = { urls: urls.map((url) => url.reveal()), ...(ca === undefined ? {} : { ca }) }
  const { signal } = new AbortController()
  const common = { log: silentLogger, random: Math.random }
  try {
    const cluster = await isCluster(location, { ...common, clock: systemClock, withinMs: ASK_WITHIN_MS, signal })
    const place = placeOf({ ...location, isCluster: cluster })
    const commands = newClient({ ...common, place }, SUBJECT, SILENT_MS)
    const asked = whyNoneMayBeEnded({ commands, place, clock: systemClock })
    const refusal = await asked.finally(() => commands.disconnect())
    if (refusal === null) return good(SUBJECT, "a process that dies has its connections to Redis ended")
    if (!cluster || broker.type !== "redis") {
      return good(SUBJECT, `a process that dies loses its permit to write to Redis: ${refusal}, so none can be ended`)
    }
    return bad(SUBJECT, noFenceInCluster(refusal), "docs/scaling.md has the rights that a Redis user needs.")
  } catch {
    return null
  }
}
