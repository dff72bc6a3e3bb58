// Connections are ended on every master that a cluster has by then.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { Redis } from "ioredis"
import { placeOf } from "../../../src/brokers/redis/address.ts"
import { newClient } from "../../../src/brokers/redis/clients.ts"
import { connectionName, endStrayWrites, endWrites } from "../../../src/gateway/fleet/fencing.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"
import { type RedisServer, startRedisCluster, startRedisServer } from "../../fixtures/redis-server.ts"

/** Servers that find each other take seconds on a busy machine. */
const TIMEOUT_MS = 60_000
const POLL_MS = 20

const closing: (() => Promise<void>)[] = []
let masters: readonly [RedisServer, RedisServer, RedisServer]
beforeAll(async () => {
  masters = await startRedisCluster()
}, TIMEOUT_MS)
afterAll(async () => {
  for (const close of closing) await close()
  for (const one of masters) await one.stop()
}, TIMEOUT_MS)

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(POLL_MS)
}

/** A server that knows all others, and is known to them, gets the first slot. */
async function join(newcomer: RedisServer): Promise<void> {
  const [first] = masters
  const busPort = (await newcomer.command("CONFIG", "GET", "cluster-port")).split("\n")[1] ?? ""
  await first.command("CLUSTER", "MEET", "127.0.0.1", String(newcomer.port), busPort)
  const all = [newcomer, ...masters]
  const seen = (what: readonly string[], expected: string) =>
    until(async () =>
      (await Promise.all(all.map((one) => one.command(...what)))).every((text) => text.includes(expected)),
    )
  const [from, to] = await Promise.all([first.command("CLUSTER", "MYID"), newcomer.command("CLUSTER", "MYID")])
  await seen(["CLUSTER", "NODES"], to)
  await until(async () => (await newcomer.command("CLUSTER", "INFO")).includes("cluster_state:ok"))
  await newcomer.command("CLUSTER", "SETSLOT", "0", "IMPORTING", from)
  await first.command("CLUSTER", "SETSLOT", "0", "MIGRATING", to)
  for (const one of all) await one.command("CLUSTER", "SETSLOT", "0", "NODE", to)
  await seen(["CLUSTER", "SLOTS"], String(newcomer.port))
}

test(
  "#34 connections are ended on a master too that the cluster got after this process had looked",
  async () => {
    const place = placeOf({ urls: masters.map(({ url }) => url), isCluster: true })
    const commands = newClient({ place, log: new RecordingLogger(), random: Math.random }, "a test", null)
    await endWrites(commands, "name", "bot", "nobody")
    const newcomer = await startRedisServer({ cluster: true })
    closing.push(() => newcomer.stop())
    await join(newcomer)
    for (const end of [
      () => endWrites(commands, "name", "bot", "b"),
      () => endStrayWrites(commands, "name", "bot", ["a"]),
    ]) {
      const publishing = new Redis(newcomer.url, { protocol: 2, retryStrategy: () => null })
      const ended = new Promise((resolve) => publishing.once("end", resolve))
      await publishing.client("SETNAME", connectionName("bot", "b"))
      await end()
      await ended
    }
    expect(await newcomer.command("CLIENT", "LIST")).not.toContain(connectionName("bot", "b"))
    commands.disconnect()
  },
  TIMEOUT_MS,
)
