// Every adapter of the ledger's port against one suite: the model that the simulation runs on, and Redis.

import { expect, test } from "bun:test"
import { Cluster, Redis } from "ioredis"
import { placeOf } from "../../../src/brokers/redis/address.ts"
import { newClient } from "../../../src/brokers/redis/clients.ts"
import type { Answer, Ledger } from "../../../src/gateway/fleet/ledger.ts"
import { ledgerKeys, redisLedger } from "../../../src/gateway/fleet/redis-ledger.ts"
import { firstSet } from "../../../src/gateway/shard-set.ts"
import { type LedgerUnderTest, ledgerContract } from "../../contract/fleet-ledger.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"
import { redisServerAndCluster } from "../../fixtures/redis-server-and-cluster.ts"
import { seeded } from "../simulation/random.ts"
import { ModelLedger, modelLedger } from "./model-ledger.ts"

ledgerContract("model", async () => {
  const model = new ModelLedger()
  let nowMs = 1_000_000
  return {
    ledger: modelLedger(model, () => nowMs),
    async pass(ms) {
      nowMs += ms + 1
    },
    async restart(lost) {
      model.restart(lost)
    },
    async evict(part) {
      model.evict(part)
    },
    async close() {},
  }
})

const redis = redisServerAndCluster()

/** A restart is made believe: a server that is another one has another `run`. */
async function onRedis(servers: readonly string[], connect: () => Redis | Cluster): Promise<LedgerUnderTest> {
  const prefix = `bot-${crypto.randomUUID()}`
  const log = new RecordingLogger()
  const location = { urls: servers, isCluster: servers.length > 1 }
  const client = () => newClient({ place: placeOf(location), log, random: Math.random }, "a test", null)
  // Each node has its own, which knows what that node was told.
  const ledgers = new Map<string, Ledger>()
  const of = (node: string) => {
    const known = ledgers.get(node) ?? redisLedger({ commands: client(), subscriber: client(), prefix, node })
    ledgers.set(node, known)
    return known
  }
  const keys = ledgerKeys(prefix)
  const { about, nodes, leases, changes } = keys
  return {
    ledger: {
      exchange: (beat) => of(beat.node.id).exchange(beat),
      shards: () => of("a").shards(),
      fence: (node) => of("a").fence(node),
      sweep: (spared) => of("a").sweep(spared),
      onChange: (listener) => of("a").onChange(listener),
      close: async () => {},
    },
    pass: (ms) => Bun.sleep(ms + 5),
    async restart(lost) {
      const redis = connect()
      if (lost === "all") for (const key of [about, nodes, leases, changes]) await redis.del(key)
      else await redis.hset(about, "run", "another")
      redis.disconnect()
    },
    async evict(part) {
      const redis = connect()
      await redis.del(keys[part])
      redis.disconnect()
    },
    close: async () => {
      for (const ledger of ledgers.values()) await ledger.close()
    },
  }
}

ledgerContract("Redis", () => onRedis([redis.server.url], () => new Redis(redis.server.url)))
ledgerContract("Redis cluster", () => onRedis(redis.clusterUrls, () => new Cluster([...redis.clusterUrls])))

test("the model and Redis agree, whatever three nodes do, and each node is told all that changed since it asked", async () => {
  const random = seeded(3)
  const model = new ModelLedger()
  const real = await onRedis([redis.server.url], () => new Redis(redis.server.url))
  let nowMs = 1_000
  const worlds = [
    { ledger: modelLedger(model, () => nowMs), last: new Map<string, Answer>() },
    { ledger: real.ledger, last: new Map<string, Answer>() },
  ]
  const shards = Array.from({ length: 6 }, (_, shard) => shard)
  for (let round = 0; round < 400; round += 1) {
    const id = random.pick(["a", "b", "c"])
    const wants = shards.filter(() => random.chance(0.3))
    const to = random.pick(["a", "b", "c", null])
    const isLeaving = random.chance(0.05)
    const isBusy = random.chance(0.1)
    const isInformed = random.chance(0.7)
    const givesUp = new Set(shards.filter(() => random.chance(0.3)))
    const seen = []
    for (const { ledger, last } of worlds) {
      const mine = [...(last.get(id)?.book.leases ?? [])].filter(([, { owner }]) => owner === id)
      const given = mine.filter(([shard]) => givesUp.has(shard))
      const opened = last.get(id)?.book.claimFromMs ?? null
      const answer = await ledger.exchange({
        knows: isInformed ? opened : null,
        swept: opened,
        node: {
          id,
          weight: 1,
          capacity: 10,
          isDraining: false,
          isBusy,
          invites: wants.map((shard) => ({ shard, token: round })),
        },
        ...{ set: firstSet(shards.length), leaseMs: round === 0 ? 1 : 60_000, claims: wants, fenced: [], isLeaving },
        held: mine.map(([shard, { token }]) => ({ shard, token })),
        handOvers: given.map(([shard, { token }]) => ({ shard, token, to, isPinned: true, isEnded: false })),
      })
      last.set(id, answer)
      const { type, book } = answer
      const leases = [...book.leases].sort(([a], [b]) => a - b)
      seen.push({
        type,
        isSwept: book.isSwept,
        nodes: book.nodes.map((node) => [node.id, node.isBusy, node.invites, node.isDead, node.isBack]).sort(),
        leases: leases.map(([shard, { owner, isPinned }]) => [shard, owner, isPinned]),
      })
    }
    expect(seen[1]).toEqual(seen[0])
    nowMs += 10
    if (round === 0) await Bun.sleep(10)
  }
  await real.close()
})
