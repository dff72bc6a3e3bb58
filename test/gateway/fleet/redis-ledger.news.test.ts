// Whom the ledger in Redis tells of a change: those that it is about, so that a large fleet does not read itself to death.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { Redis } from "ioredis"
import type { Beat, Ledger } from "../../../src/gateway/fleet/ledger.ts"
import { redisLedger } from "../../../src/gateway/fleet/redis-ledger.ts"
import { firstSet } from "../../../src/gateway/shard-set.ts"
import { PLAIN_NODE, QUIET_BEAT } from "../../fixtures/beats.ts"
import { type RedisServer, startRedisServer } from "../../fixtures/redis-server.ts"
import { until } from "../../fixtures/running-gateway.ts"

const LEASE_MS = 60_000
const MARKER = "marker"

let server: RedisServer
const ledgers = new Map<string, Ledger>()
/** How many markers each has heard, on the connection on which it hears of changes. */
const marked = new Map<string, number>()
const told = new Map<string, number>()

beforeAll(async () => {
  server = await startRedisServer()
  for (const node of ["a", "b", "c"]) {
    const subscriber = new Redis(server.url, { protocol: 2 })
    const ledger = redisLedger({ commands: new Redis(server.url, { protocol: 2 }), subscriber, prefix: "bot", node })
    ledger.onChange(() => told.set(node, (told.get(node) ?? 0) + 1))
    await subscriber.subscribe(MARKER)
    subscriber.on("message", (channel) => {
      if (channel === MARKER) marked.set(node, (marked.get(node) ?? 0) + 1)
    })
    ledgers.set(node, ledger)
  }
})
afterAll(async () => {
  for (const ledger of ledgers.values()) await ledger.close()
  await server.stop()
})

async function exchange(id: string, more: Partial<Beat> = {}, node: Partial<Beat["node"]> = {}) {
  const answer = await ledgers.get(id)?.exchange({
    ...QUIET_BEAT,
    node: { id, ...PLAIN_NODE, ...node },
    ...{ set: firstSet(4), leaseMs: LEASE_MS },
    ...more,
  })
  if (answer === undefined) throw new Error(`there is no ${id}`)
  return answer.book
}

/** Whatever was told before has been heard. */
async function heard(): Promise<void> {
  marked.clear()
  await server.command("PUBLISH", MARKER, "")
  await until(() => marked.size === ledgers.size)
}

async function toldBy(run: () => Promise<unknown>): Promise<readonly string[]> {
  await heard()
  told.clear()
  await run()
  await heard()
  return [...told.keys()].sort()
}

test("a node that comes is news for all, a hand-over for its taker, an invitation for the owner", async () => {
  // A new ledger lets nobody claim for a lease's time.
  const { claimFromMs: swept } = await exchange("a", { leaseMs: 1 })
  await exchange("a", { isLeaving: true, swept })
  await Bun.sleep(5)
  await exchange("a")
  expect(await toldBy(() => exchange("b"))).toEqual(["a", "c"])
  expect(await toldBy(() => exchange("c"))).toEqual(["a", "b"])
  const book = await exchange("a", { claims: [0, 1] })
  const token = book.leases.get(0)?.token ?? 0
  expect(await toldBy(() => exchange("b", {}, { invites: [{ shard: 0, token }] }))).toEqual(["a"])
  const handOver = { shard: 0, token, to: "b", isPinned: false, isEnded: false }
  expect(await toldBy(() => exchange("a", { handOvers: [handOver] }))).toEqual(["b"])
  expect(await toldBy(() => exchange("b", {}, { invites: [] }))).toEqual([])
  expect(await toldBy(() => exchange("b", {}, { isBusy: true }))).toEqual(["a", "c"])
  expect(await toldBy(() => exchange("a", { isLeaving: true }))).toEqual(["b", "c"])
})
