// Proxies that share their limits over a real Redis, each a process of its own, before a Discord that counts.

import { afterEach, expect, test } from "bun:test"
import { INSTANCES_KEY } from "../../src/proxy/limits/redis/keys.ts"
import { startEnforcingDiscord } from "../fixtures/enforcing-discord.ts"
import { freePort } from "../fixtures/free-port.ts"
import { answering, type ProxyProcess, startProxyProcess } from "../fixtures/proxy-process.ts"
import { MASTER, startRedisSentinels } from "../fixtures/redis-sentinel.ts"
import { type RedisServer, startRedisCluster, startRedisServer } from "../fixtures/redis-server.ts"

const TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"
const FIRST_CHANNEL = 175_928_847_299_117_000n
const CHANNELS = 6
const POLL_MS = 20

const running: { stop(): unknown }[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

interface Proxy {
  readonly process: ProxyProcess
  readonly url: string
  readonly metrics: string
}

async function startProxy(discord: string, redisUrls: string): Promise<Proxy> {
  const [port, metricsPort] = [await freePort(), await freePort()]
  const process = await startProxyProcess({
    PROXY_ADDRESS: `127.0.0.1:${port}`,
    METRICS_ADDR: `127.0.0.1:${metricsPort}`,
    DISCORD_API_HOST: discord,
    PROXY_LIMITS_REDIS_URL: redisUrls,
    SHUTDOWN_TIMEOUT: "2s",
  })
  running.push(process)
  const url = `http://127.0.0.1:${port}`
  await answering(`${url}/`)
  return { process, url, metrics: `http://127.0.0.1:${metricsPort}` }
}

async function start({ redis }: { readonly redis?: string } = {}) {
  const discord = startEnforcingDiscord({ windowMs: 1_000 })
  running.push(discord)
  let server: RedisServer | null = null
  if (redis === undefined) {
    server = await startRedisServer()
    running.push(server)
  }
  const urls = redis ?? server?.url ?? ""
  const [one, two] = await Promise.all([startProxy(discord.host, urls), startProxy(discord.host, urls)])
  return { discord, server, one, two }
}

async function post(proxy: Proxy, index: number): Promise<number | null> {
  const channel = FIRST_CHANNEL + BigInt(index % CHANNELS)
  try {
    const response = await fetch(`${proxy.url}/api/v10/channels/${channel}/messages`, {
      method: "POST",
      headers: { authorization: `Bot ${TOKEN}` },
      body: "{}",
    })
    await response.text()
    return response.status
  } catch {
    return null
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await Bun.sleep(POLL_MS)
}

async function readiness({ metrics }: Proxy): Promise<string> {
  const response = await fetch(`${metrics}/readyz`)
  return `${response.status} ${(await response.text()).trim()}`
}

test("two proxies over one Redis cause no 429 and lose no request", async () => {
  const { discord, one, two } = await start()
  const statuses = await Promise.all(Array.from({ length: 90 }, (_, index) => post(index % 4 < 2 ? one : two, index)))
  expect(statuses).toEqual(Array(90).fill(200))
  expect(discord.limited()).toBe(0)
  expect(await readiness(one)).toBe("200 ready")
  const metrics = await (await fetch(`${one.metrics}/metrics`)).text()
  expect(metrics).toContain("proxy_limits_alone_seconds 0")
}, 120_000)

test("when one of two is killed with permits in its hand, the other goes on", async () => {
  const { discord, one, two } = await start()
  const mine = Array.from({ length: 60 }, (_, index) => post(two, index))
  const theirs = Array.from({ length: 60 }, (_, index) => post(one, index))
  await until(async () => [...discord.passed.values()].reduce((sum, count) => sum + count, 0) >= 20)
  one.process.signal("SIGKILL")
  const broken = (await Promise.all(theirs)).filter((status) => status === null).length
  const again = await Promise.all(Array.from({ length: broken }, (_, index) => post(two, index)))
  expect(await Promise.all(mine)).toEqual(Array(60).fill(200))
  expect(again).toEqual(Array(broken).fill(200))
  expect(discord.limited()).toBe(0)
}, 120_000)

test("#29 proxies answer while Redis is down, say so, and share their limits again when it is back", async () => {
  const { server, one, two } = await start()
  expect(await post(one, 0)).toBe(200)
  await server?.down()
  expect(await Promise.all([post(one, 1), post(two, 2)])).toEqual([200, 200])
  await until(async () => (await readiness(one)).startsWith("200 ready, but Redis does not answer"))
  const limits = (await (await fetch(`${one.metrics}/limits`)).json()) as { readonly sharing: unknown }
  expect(limits.sharing).toMatchObject({ type: "alone" })
  expect(await (await fetch(`${one.metrics}/metrics`)).text()).toMatch(/proxy_limits_alone_seconds [1-9\d.]/)
  await server?.up()
  for (const proxy of [one, two]) await until(async () => (await readiness(proxy)) === "200 ready")
  expect(await Promise.all([post(one, 3), post(two, 4)])).toEqual([200, 200])
  one.process.signal("SIGTERM")
  await one.process.exited
  const log = await one.process.errors
  expect(log).toContain("Redis does not answer")
  expect(log).toContain("the limits are shared")
  expect(log).not.toContain(TOKEN)
}, 120_000)

test("two proxies share their limits over a cluster", async () => {
  const servers = await startRedisCluster()
  for (const server of servers) running.push(server)
  const { discord, one, two } = await start({ redis: servers.map(({ url }) => url).join(",") })
  const statuses = await Promise.all(Array.from({ length: 40 }, (_, index) => post(index % 4 < 2 ? one : two, index)))
  expect(statuses).toEqual(Array(40).fill(200))
  expect(discord.limited()).toBe(0)
  expect(await readiness(one)).toBe("200 ready")
}, 120_000)

test("two proxies find the new master when sentinels have one, answer meanwhile, and share their limits on it", async () => {
  const master = await startRedisServer()
  const replica = await startRedisServer({ replicaOf: master })
  while (!(await master.command("INFO", "replication")).includes("state=online")) await Bun.sleep(POLL_MS)
  const sentinels = await startRedisSentinels(master)
  running.push(master, replica, sentinels)
  const { one, two } = await start({ redis: `redis+sentinel://${sentinels.hosts}/${MASTER}/0` })
  expect(await Promise.all([post(one, 0), post(two, 0)])).toEqual([200, 200])
  await master.kill()
  expect(await Promise.all([post(one, 1), post(two, 2)])).toEqual([200, 200])
  await until(async () => (await sentinels.masterPort()) === replica.port)
  // What the old master has told it: those that come back do so by themselves.
  await replica.command("DEL", INSTANCES_KEY)
  await until(async () => (await replica.command("ZCARD", INSTANCES_KEY)).includes("2"))
  for (const proxy of [one, two]) await until(async () => (await readiness(proxy)) === "200 ready")
  expect(await Promise.all([post(one, 3), post(two, 4)])).toEqual([200, 200])
}, 120_000)
