// The identify line on real servers, by their own clock: a single one, a cluster, and a user who may not do everything.

import { afterAll, describe, expect, test } from "bun:test"
import { placeOf } from "../../../../src/brokers/redis/address.ts"
import { type Client, newClient } from "../../../../src/brokers/redis/clients.ts"
import { HOLD_MS, type IdentifyLine } from "../../../../src/gateway/identify/redis/line.ts"
import { redisLine } from "../../../../src/gateway/identify/redis/redis-line.ts"
import { silentLogger } from "../../../../src/ops/log.ts"
import { redisServerAndCluster } from "../../../fixtures/redis-server-and-cluster.ts"
import { until } from "../../../fixtures/running-gateway.ts"

const LIMIT = { total: 1_000, remaining: 900, resetAfterMs: 3_600_000, maxConcurrency: 4 }
const NOTHING = { used: [], gone: [], waiting: [], reserve: 0 } as const

const redis = redisServerAndCluster()
const clients: Client[] = []
afterAll(() => {
  for (const client of clients) client.disconnect()
})

function connect(urls: readonly string[]): Client {
  const client = newClient({ place: placeOf({ urls }), log: silentLogger, random: Math.random }, "test", null)
  clients.push(client)
  return client
}

let prefixes = 0
function linesOn(
  urls: readonly string[],
  woken: string[] = [],
): { readonly one: IdentifyLine; readonly two: IdentifyLine } {
  prefixes += 1
  const prefix = `bot-${prefixes}`
  const open = (process: string) => {
    const onWake = () => woken.push(process)
    return redisLine({ commands: connect(urls), subscriber: connect(urls), prefix, process, onWake })
  }
  return { one: open("one"), two: open("two") }
}

describe.each([
  ["a single server", () => [redis.server.url]],
  ["a cluster", () => redis.clusterUrls],
] as const)("the line on %s", (_name, urls) => {
  test("asks one process for the budget, gives no slot at once, and keeps the places in order", async () => {
    const { one, two } = linesOn(urls())
    expect(await one.sync({ ...NOTHING, waiting: ["4:one:1"] })).toMatchObject({ status: "read", granted: [] })
    expect(await two.sync({ ...NOTHING, waiting: ["0:two:1"] })).toMatchObject({ status: "reading", granted: [] })
    await one.budget(LIMIT)
    const first = await two.sync({ ...NOTHING, waiting: ["0:two:1"] })
    expect(first).toMatchObject({ status: "open", granted: [], budget: { remaining: 900, total: 1_000 } })
    expect(first.waitMs).toBeGreaterThan(0)
    expect(first.waitMs).toBeLessThanOrEqual(HOLD_MS)
    // The other's shard of the same key is behind it.
    expect(await one.sync({ ...NOTHING, waiting: ["4:one:1"] })).toMatchObject({ status: "open", waitMs: null })
  })

  test("wakes the process whose place became the first", async () => {
    const woken: string[] = []
    const { one, two } = linesOn(urls(), woken)
    await one.sync({ ...NOTHING, waiting: ["0:one:1"] })
    await one.budget(LIMIT)
    await one.sync({ ...NOTHING, waiting: ["0:one:1"] })
    await two.sync({ ...NOTHING, waiting: ["4:two:1"] })
    // Until both listen.
    while (woken.length === 0) await one.sync({ ...NOTHING, gone: ["0:one:1"] })
    expect(woken[0]).toBe("two")
  })
})

describe("a user who may not do everything", () => {
  test("works without INFO and PUBLISH: places are renewed in time anyway", async () => {
    await redis.server.command("ACL", "SETUSER", "poor", "on", ">pw", "~*", "+@all", "-info", "-publish")
    const { one } = linesOn([`redis://poor:pw@127.0.0.1:${redis.server.port}`])
    expect((await one.sync({ ...NOTHING, waiting: ["0:one:1"] })).status).toBe("read")
    await one.budget(LIMIT)
    expect((await one.sync({ ...NOTHING, waiting: ["0:one:1"] })).status).toBe("open")
  })

  test("is told in Redis' words what it may not do", async () => {
    await redis.server.command("ACL", "SETUSER", "mute", "on", ">pw", "~*", "+@all", "-eval")
    const { one } = linesOn([`redis://mute:pw@127.0.0.1:${redis.server.port}`])
    const error = await one.sync(NOTHING).catch(String)
    expect(error).toContain("eval")
  })
})

test("the line says so when another program keeps something under its keys", async () => {
  prefixes += 1
  const commands = connect([redis.server.url])
  await commands.set(`{bot-${prefixes}:identify}:state`, "mine")
  const options = { commands, subscriber: connect([redis.server.url]), prefix: `bot-${prefixes}`, process: "one" }
  const line = redisLine({ ...options, onWake: () => {} })
  expect(await line.sync(NOTHING).catch(String)).toContain("WRONGTYPE")
  await until(() => commands.status === "ready")
})

test("the line takes a shard of another set by its id, and lets those that come up beside the bot's own leave as many again", async () => {
  const { one } = linesOn([redis.server.url])
  const waiting = ["3:one:1", "7:one:2:3:beside", "8:one:3:0"]
  await one.sync({ ...NOTHING, waiting, reserve: 5 })
  await one.budget({ ...LIMIT, remaining: 9 })
  const granted: string[] = []
  while (granted.length < 2) {
    const left = waiting.filter((ticket) => !granted.includes(ticket))
    const reply = await one.sync({ ...NOTHING, waiting: left, reserve: 5 })
    granted.push(...reply.granted)
    expect(reply.status).toBe("spent")
    await Bun.sleep(Math.min(reply.waitMs ?? 0, 100))
  }
  // Keys 3 and 0 of 4.
  expect(granted.sort()).toEqual(["3:one:1", "8:one:3:0"])
})
