// The leases of a gateway that shares the bot's shards with others, built.

import { placeOf, type RedisLocation } from "../brokers/redis/address.ts"
import { newClient, newListener } from "../brokers/redis/clients.ts"
import type { GatewayConfig, RedisConfig } from "../config/gateway-config.ts"
import { systemClock } from "../flow/clock.ts"
import { Admission } from "../gateway/fleet/admission.ts"
import { fencedSessions } from "../gateway/fleet/fenced-sessions.ts"
import { chooseFencing, writerMark } from "../gateway/fleet/fencing.ts"
import { ledgerKeys, redisLedger } from "../gateway/fleet/redis-ledger.ts"
import type { LeaseParts } from "../gateway/gateway-parts.ts"
import type { Side } from "../gateway/reshard/change.ts"
import { timesOf } from "../gateway/reshard/hand-over.ts"
import { redisExchange } from "../gateway/reshard/redis/exchange.ts"
import { redisReshards } from "../gateway/reshard/redis/record.ts"
import type { Logger } from "../ops/log.ts"

/** A connection that answers nothing for this part of a lease is dropped. */
const SILENT_SHARE = 0.25
/** So long replicas may take. */
const REPLICATE_SHARE = 0.1

function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

export interface NewLeasesOptions {
  readonly config: GatewayConfig
  readonly node: string
  readonly log: Logger
  readonly locate: (redis: RedisConfig) => Promise<RedisLocation>
  /** Told of a key that holds no session. */
  readonly onUnreadable: (key: string, reason: string) => void
}

/** Null where the configuration says which shards run here. What publishes is fenced by `admission`. */
export async function newLeases(options: NewLeasesOptions): Promise<Omit<LeaseParts, "drop"> | null> {
  const { config, node, log, locate, onUnreadable } = options
  const { shards, shardStore } = config
  if (shards.leases === undefined || shardStore.type !== "redis") return null
  const { prefix } = shardStore
  const place = placeOf(await locate(shardStore.redis))
  const connecting = { place, log, random: Math.random, clock: systemClock }
  const commands = newClient(connecting, "leases", shards.leases.leaseMs * SILENT_SHARE)
  const isPublishing = config.broker.type === "redis"
  const keys = ledgerKeys(prefix)
  const fencing = await chooseFencing({ commands, place, prefix, node, keys, clock: systemClock, isPublishing })
  if (fencing === "permit") {
    log.info(
      {},
      "the connections of a process that dies are not ended but lose their permits, as Redis' rights want it",
    )
  }
  const subscriber = newListener(connecting, "news of leases and reshards")
  const resharding = {
    commands,
    subscriber,
    prefix,
    replicas: shardStore.redis.replicas,
  }
  return {
    reshard: {
      reshards: redisReshards(resharding),
      newExchange({ id: reshardId, from, to, fromSlot, toSlot }) {
        const slotOf = (side: Side, shard: number) => (side === "old" ? fromSlot : toSlot) + shard
        return redisExchange({ ...resharding, reshardId, from, to, leases: { key: keys.leases, node, slotOf } })
      },
      times: timesOf(shards.leases.reshardSkewMs),
      newAttempt: () => crypto.randomUUID(),
    },
    member: { id: node, ...shards.leases },
    ...(shards.leases.maxLoad === undefined ? {} : { load: { maxLoad: shards.leases.maxLoad, cpuUs } }),
    admission: new Admission(writerMark(fencing, prefix, node)),
    ledger: redisLedger({
      ...{ commands, subscriber, prefix, node, fencing, isPublishing },
      replicas: shardStore.redis.replicas,
      replicateWithinMs: shards.leases.leaseMs * REPLICATE_SHARE,
    }),
    sessions: fencedSessions({ commands, prefix, node, onUnreadable }),
  }
}
