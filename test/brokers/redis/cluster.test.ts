// The broker over a cluster of three real servers: the contract, and slots on the move.

import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Broker } from "../../../src/brokers/broker.ts"
import { redisBroker } from "../../../src/brokers/redis/broker.ts"
import { slotOf } from "../../../src/brokers/redis/slots.ts"
import { silentLogger } from "../../../src/ops/log.ts"
import { type BrokerHarness, brokerContract } from "../../contract/broker.ts"
import { batchOf } from "../../fixtures/batches.ts"
import { type RedisServer, startRedisCluster } from "../../fixtures/redis-server.ts"

let servers: readonly [RedisServer, RedisServer, RedisServer]
beforeAll(async () => {
  servers = await startRedisCluster()
}, 120_000)
afterAll(async () => {
  for (const server of servers) await server.stop()
})

function connect(group: string): Broker {
  return redisBroker({
    ...{ urls: servers.slice(0, 2).map(({ url }) => url), group, body: "msgpack", trimming: { retentionMs: 60_000 } },
    ...{ poolSize: 2, logger: silentLogger },
  })
}

brokerContract("redis (cluster)", { calls: true, redelivers: true, deliversBrokenBodies: true }, async () => {
  for (const server of servers) await server.command("FLUSHALL")
  const brokers: Broker[] = []
  const open = (group: string) => {
    const broker = connect(group)
    brokers.push(broker)
    return broker
  }
  const harness: BrokerHarness = {
    publisher: open("gateway"),
    consumer: async () => open("workers"),
    stall() {
      for (const server of servers) server.pause()
    },
    resume() {
      for (const server of servers) server.resume()
    },
    async stop() {
      for (const broker of brokers) await broker.close({ drainWithinMs: 0 })
    },
  }
  return harness
})

test("#36 one server of a cluster alone ends the broker with a sentence that names the setting", async () => {
  const slot = slotOf("GATEWAY_GAP")
  const stranger = servers.find((_, index) => slot < Math.ceil((index * 16_384) / 3)) ?? servers[0]
  const broker = redisBroker({
    ...{ urls: [stranger.url], group: "gateway", body: "msgpack", trimming: {}, poolSize: 1, logger: silentLogger },
  })
  await expect(broker.announce("GATEWAY_GAP", {})).rejects.toThrow(
    /MOVED.*list two or more of its servers in redis\.urls/,
  )
})

describe("a cluster whose slots move", () => {
  const STREAM = "MESSAGE_CREATE"
  const slot = String(slotOf(STREAM))
  const idOf = async (server: RedisServer) => await server.command("CLUSTER", "MYID")

  async function ownerOf(): Promise<RedisServer> {
    for (const server of servers) {
      const [first, last] = await rangeOf(server)
      if (first <= Number(slot) && Number(slot) <= last) return server
    }
    throw new Error("nobody has the slot")
  }

  /** The slots that the fixture gave to it. */
  async function rangeOf(server: RedisServer): Promise<readonly [number, number]> {
    const index = servers.indexOf(server)
    return [Math.ceil((index * 16_384) / 3), Math.ceil(((index + 1) * 16_384) / 3) - 1]
  }

  test("#29 follows ASK and MOVED, and a stream keeps its order meanwhile", async () => {
    for (const server of servers) await server.command("FLUSHALL")
    const broker = connect("gateway")
    const from = await ownerOf()
    const to = servers[(servers.indexOf(from) + 1) % 3] ?? from
    let stop = false
    let sent = 0
    const publishing = (async () => {
      while (!stop) {
        const events = Array.from({ length: 20 }, (_, index) => ({ event: STREAM, data: { number: sent + index } }))
        await broker.publish(batchOf(broker.encoding, events, { firstSequence: sent + 1 }))
        sent += events.length
      }
    })()
    while (sent < 200) await Bun.sleep(1)
    await to.command("CLUSTER", "SETSLOT", slot, "IMPORTING", await idOf(from))
    await from.command("CLUSTER", "SETSLOT", slot, "MIGRATING", await idOf(to))
    await from.command("MIGRATE", "127.0.0.1", String(to.port), STREAM, "0", "5000")
    const asked = sent
    while (sent < asked + 200) await Bun.sleep(1)
    for (const server of [to, from]) await server.command("CLUSTER", "SETSLOT", slot, "NODE", await idOf(to))
    const moved = sent
    while (sent < moved + 200) await Bun.sleep(1)
    stop = true
    await publishing
    expect(Number(await to.command("XLEN", STREAM))).toBe(sent)
    const entries = await to.command("XRANGE", STREAM, "-", "+")
    const ids = [...entries.matchAll(/session:(\d+)/g)].map(([, sequence]) => Number(sequence))
    expect(ids).toEqual(Array.from({ length: sent }, (_, index) => index + 1))
    await broker.close({ drainWithinMs: 1_000 })
  })
})
