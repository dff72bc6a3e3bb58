// Processes that meet in a real Redis: their reports, and orders between them.

import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { placeOf } from "../../../../src/brokers/redis/address.ts"
import { type Client, newClient } from "../../../../src/brokers/redis/clients.ts"
import { systemClock } from "../../../../src/flow/clock.ts"
import type { NodeReport, Order, OrderResult, SteeredNode } from "../../../../src/gateway/steering/node.ts"
import { announcePresence, type Presence } from "../../../../src/gateway/steering/redis/presence.ts"
import { redisSteering } from "../../../../src/gateway/steering/redis/steering.ts"
import { silentLogger } from "../../../../src/ops/log.ts"
import { FakeClock } from "../../../fixtures/fake-clock.ts"
import { redisServerAndCluster } from "../../../fixtures/redis-server-and-cluster.ts"
import { until } from "../../../fixtures/running-gateway.ts"

const redis = redisServerAndCluster()
let clients: Client[]
let presences: Presence[]
let prefixes = 0
let prefix: string

beforeEach(() => {
  prefixes += 1
  prefix = `bot-${prefixes}`
  clients = []
  presences = []
})
afterEach(async () => {
  for (const presence of presences) await presence.close()
  for (const client of clients) client.disconnect()
})

function connect(urls: readonly string[]): Client {
  const client = newClient({ place: placeOf({ urls }), log: silentLogger, random: Math.random }, "test", null)
  clients.push(client)
  return client
}

class FakeNode implements SteeredNode {
  readonly node: string
  readonly orders: Order[] = []
  obeys: (order: Order) => Promise<OrderResult> = async () => ({ type: "done" })

  constructor(node: string) {
    this.node = node
  }

  report(): NodeReport {
    return { node: this.node, shardCount: 2, draining: false, shards: [] }
  }

  obey(order: Order): Promise<OrderResult> {
    this.orders.push(order)
    return this.obeys(order)
  }
}

function announce(node: SteeredNode, urls: readonly string[]): void {
  const [commands, subscriber] = [connect(urls), connect(urls)]
  presences.push(announcePresence({ node, commands, subscriber, prefix, clock: systemClock, log: silentLogger }))
}

function steeringOn(urls: readonly string[], clock = systemClock) {
  const [commands, subscriber] = [connect(urls), connect(urls)]
  return redisSteering({ commands, subscriber, prefix, clock, newId: () => crypto.randomUUID() })
}

describe.each([
  ["a single server", () => [redis.server.url]],
  ["a cluster", () => redis.clusterUrls],
] as const)("steering over %s", (_name, urls) => {
  test("shows every process, and forgets one that left", async () => {
    announce(new FakeNode("one"), urls())
    announce(new FakeNode("two"), urls())
    const steering = steeringOn(urls())
    const names = async () => (await steering.view()).nodes.map(({ node }) => node)
    while ((await names()).length < 2) await Bun.sleep(5)
    expect(await names()).toEqual(["one", "two"])
    await presences[0]?.close()
    expect(await names()).toEqual(["two"])
  })

  test("brings an order to its process, and the result back", async () => {
    const [one, two] = [new FakeNode("one"), new FakeNode("two")]
    announce(one, urls())
    announce(two, urls())
    two.obeys = async (order) =>
      order.type === "drain" ? { type: "done" } : { type: "refused", reason: "Cannot, for a reason." }
    const steering = steeringOn(urls())
    // Until it listens.
    while (two.orders.length === 0) await Promise.race([steering.order("two", { type: "drain" }), Bun.sleep(20)])
    expect(await steering.order("two", { type: "drain" })).toEqual({ type: "done" })
    expect(await steering.order("two", { type: "restart", shard: 1 })).toEqual({
      type: "refused",
      reason: "Cannot, for a reason.",
    })
    expect(one.orders).toEqual([])
  })
})

describe("steering over Redis", () => {
  test("says that a process does not answer", async () => {
    const clock = new FakeClock()
    const steering = steeringOn([redis.server.url], clock)
    const asked = steering.order("nobody", { type: "drain" })
    // One for Redis to answer; two once it has taken the order: to be accepted, and to be obeyed.
    while (clock.waiting < 2) await Bun.sleep(1)
    clock.advance(5_000)
    expect(await asked).toMatchObject({ reason: expect.stringContaining("nobody does not answer") })
  })

  test("says that Redis does not answer, and waits no longer", async () => {
    const clock = new FakeClock()
    const steering = steeringOn([redis.server.url], clock)
    expect((await steering.view()).nodes).toEqual([])
    redis.server.pause()
    let told = ""
    const looked = steering.view().catch((error: unknown) => {
      told = String(error)
    })
    while (told === "") {
      clock.advance(1_000)
      await Bun.sleep(1)
    }
    redis.server.resume()
    await looked
    expect(told).toContain("Redis has not answered for 5 s")
  })

  test("an order that fails is a refusal with the error, and the next one is obeyed", async () => {
    const node = new FakeNode("one")
    node.obeys = () => Promise.reject(new Error("defect"))
    announce(node, [redis.server.url])
    const steering = steeringOn([redis.server.url])
    while (node.orders.length === 0) await Promise.race([steering.order("one", { type: "drain" }), Bun.sleep(20)])
    expect(await steering.order("one", { type: "drain" })).toMatchObject({ reason: expect.stringContaining("defect") })
    node.obeys = async () => ({ type: "done" })
    expect(await steering.order("one", { type: "drain" })).toEqual({ type: "done" })
  })

  test("what is no order is left alone", async () => {
    const node = new FakeNode("one")
    announce(node, [redis.server.url])
    const channel = `{${prefix}:nodes}:orders:one`
    for (const text of ["", "{", "null", '{"id":"","order":{"type":"drain"}}', '{"id":"1","order":{"type":"explode"}}'])
      while ((await redis.server.command("PUBLISH", channel, text)) === "0") await Bun.sleep(5)
    await redis.server.command("PUBLISH", channel, '{"id":"1","order":{"type":"drain"}}')
    await until(() => node.orders.length > 0)
    expect(node.orders).toEqual([{ type: "drain" }])
  })

  test("a report that cannot be read, and one that lapsed, are passed over", async () => {
    announce(new FakeNode("one"), [redis.server.url])
    await redis.server.command("SADD", `{${prefix}:nodes}:names`, "lapsed", "odd")
    await redis.server.command("SET", `{${prefix}:nodes}:report:odd`, '{"node":7}')
    const steering = steeringOn([redis.server.url])
    const names = async () => (await steering.view()).nodes.map(({ node }) => node)
    while ((await names()).length < 1) await Bun.sleep(5)
    expect(await names()).toEqual(["one"])
    expect(await redis.server.command("SMEMBERS", `{${prefix}:nodes}:names`)).not.toContain("lapsed")
  })
})
