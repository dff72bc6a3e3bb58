import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { redisBroker } from "../../src/brokers/redis/broker.ts"
import { silentLogger } from "../../src/ops/log.ts"
import { makeCertificates } from "../fixtures/certificates.ts"
import { freePort } from "../fixtures/free-port.ts"
import { answering, startProxyProcess } from "../fixtures/proxy-process.ts"
import { startRedisCluster, startRedisServer } from "../fixtures/redis-server.ts"

// Nothing here takes as long, unless the machine is busy with other things.
setDefaultTimeout(60_000)

const COMMAND = join(import.meta.dir, "../../src/bin/proxy.ts")

const running: { stop(): unknown }[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

describe("the proxy's command", () => {
  test("runs with no setting but addresses, has more than 256 requests in flight, and ends with 0 on SIGTERM", async () => {
    let inFlight = 0
    const all = Promise.withResolvers<void>()
    const discord = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch() {
        inFlight += 1
        if (inFlight === 300) all.resolve()
        await all.promise
        return new Response("ok")
      },
    })
    running.push({ stop: () => discord.stop(true) })
    const [port, metricsPort] = [await freePort(), await freePort()]
    const proxy = await startProxyProcess({
      PROXY_ADDRESS: `127.0.0.1:${port}`,
      METRICS_ADDR: `127.0.0.1:${metricsPort}`,
      PROXY_CONNECTIONS: "400",
      DISCORD_API_HOST: `127.0.0.1:${discord.port}`,
    })
    running.push(proxy)
    expect((await answering(`http://127.0.0.1:${metricsPort}/healthz`)).status).toBe(200)
    await answering(`http://127.0.0.1:${port}/`)
    // Our own fetch has the same limit, so these go without it.
    const sockets = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => {
        const { promise, resolve } = Promise.withResolvers<string>()
        const socket = await Bun.connect({
          hostname: "127.0.0.1",
          port,
          socket: { data: (_socket, data) => resolve(data.toString()) },
        })
        socket.write(`GET /api/v10/gateway HTTP/1.1\r\nHost: x\r\nAuthorization: Bot ${index}\r\n\r\n`)
        return { socket, answer: promise }
      }),
    )
    for (const { answer, socket } of sockets) {
      expect(await answer).toStartWith("HTTP/1.1 200")
      socket.end()
    }
    expect(await (await fetch(`http://127.0.0.1:${metricsPort}/readyz`)).text()).toBe("ready\n")
    expect(await (await fetch(`http://127.0.0.1:${metricsPort}/limits`)).json()).toMatchObject({ waiting: [] })
    proxy.signal("SIGTERM")
    expect(await proxy.exited).toBe(0)
  })

  test("told to stop while it looks for Redis, it ends with 0 and never serves", async () => {
    const redis = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open: () => asked.resolve(), data() {} } })
    const asked = Promise.withResolvers<void>()
    running.push({ stop: () => redis.stop(true) })
    const proxy = await startProxyProcess({
      PROXY_ADDRESS: `127.0.0.1:${await freePort()}`,
      REDIS_URL: `127.0.0.1:${redis.port}`,
      LOG_FORMAT: "json",
    })
    running.push(proxy)
    await asked.promise
    proxy.signal("SIGTERM")
    expect(await proxy.exited).toBe(0)
    expect(await proxy.errors).not.toContain("passing requests on")
  })

  test("--check prints every setting and no secret, listens nowhere, and ends with 0, or with 1 for a mistake", async () => {
    const check = async (settings: Record<string, string>) => {
      const child = Bun.spawn([process.execPath, COMMAND, "--check"], {
        cwd: tmpdir(),
        env: { PATH: process.env["PATH"] ?? "", ...settings },
        stdout: "pipe",
        stderr: "pipe",
      })
      return { out: await child.stdout.text(), err: await child.stderr.text(), code: await child.exited }
    }
    const token = "MTE3NDY2NDg1NzMxNTU1NTM5OA.GT3sT1.not-a-real-token_of-any-bot-at-all-0000"
    const good = await check({
      DISCORD_TOKEN: token,
      PROXY_ADDRESS: "127.0.0.1:1",
      REDIS_URL: "redis://:hunter2@localhost",
    })
    expect(good.code).toBe(0)
    expect(good.out).toContain('address = "127.0.0.1:1"')
    for (const secret of [token, "hunter2"]) expect(good.out + good.err).not.toContain(secret)
    const bad = await check({ PROXY_QUEUE: "many" })
    expect([bad.code, bad.err.includes("limits.queue")]).toEqual([1, true])
  })

  test("SIGTERM lets finish what Discord has, and answers what waits for a limit with 503", async () => {
    const release = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    const discord = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch() {
        arrived.resolve()
        await release.promise
        const headers = { "x-ratelimit-limit": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "600" }
        return new Response("done", { headers })
      },
    })
    running.push({ stop: () => discord.stop(true) })
    const [port, metricsPort] = [await freePort(), await freePort()]
    const proxy = await startProxyProcess({
      PROXY_ADDRESS: `127.0.0.1:${port}`,
      METRICS_ADDR: `127.0.0.1:${metricsPort}`,
      DISCORD_API_HOST: `127.0.0.1:${discord.port}`,
      SHUTDOWN_TIMEOUT: "2s",
    })
    running.push(proxy)
    await answering(`http://127.0.0.1:${port}/`)
    const get = () => fetch(`http://127.0.0.1:${port}/api/v10/gateway`)
    const metrics = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    const first = get()
    await arrived.promise
    const second = get()
    while (!(await metrics()).includes('proxy_waiting_requests{priority="normal"} 1')) await Bun.sleep(5)
    proxy.signal("SIGTERM")
    while ((await fetch(`http://127.0.0.1:${metricsPort}/readyz`)).status !== 503) await Bun.sleep(5)
    release.resolve()
    expect(await (await first).text()).toBe("done")
    const refused = await second
    expect([refused.status, refused.headers.get("x-spectacles-proxy")]).toEqual([503, "stopping"])
    expect(await proxy.exited).toBe(0)
  })

  test.each([
    ["a setting that cannot be", { PROXY_ADDRESS: ":99999" }, "http.address"],
    ["two brokers", { REDIS_URL: "localhost", AMQP_URL: "localhost" }, "amqp.url"],
    ["an address that is not this machine's", { PROXY_ADDRESS: "203.0.113.1:1" }, "http.address"],
  ])(
    "#36 %s is one sentence that says what to change, with no stack, and exit code 1",
    async (_what, settings, named) => {
      const proxy = await startProxyProcess(settings)
      running.push(proxy)
      expect(await proxy.exited).toBe(1)
      const errors = await proxy.errors
      expect(errors).toContain(named)
      expect(errors).not.toMatch(/\n\s+at /)
    },
  )

  test("#36 a port in use is one sentence", async () => {
    const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() })
    running.push({ stop: () => other.stop(true) })
    const proxy = await startProxyProcess({ PROXY_ADDRESS: `127.0.0.1:${other.port}` })
    running.push(proxy)
    expect(await proxy.exited).toBe(1)
    expect(await proxy.errors).toContain("the port is in use")
  })

  test("takes requests over Redis, and keeps limits there, by an authority of one's own or by one URL of a cluster", async () => {
    const discord = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("ok") })
    running.push({ stop: () => discord.stop(true) })
    const certificates = await makeCertificates()
    running.push(certificates)
    const { certificate, key, authority } = certificates
    const single = await startRedisServer({ tls: { certificate, key, authority } })
    running.push(single)
    const cluster = await startRedisCluster()
    for (const server of cluster) running.push(server)
    const ca = await Bun.file(authority).text()
    const places = [
      { url: single.url, location: { urls: [single.url], ca } },
      { url: cluster[0]?.url ?? "", location: { urls: cluster.map(({ url }) => url) } },
    ]
    for (const { url, location } of places) {
      const proxy = await startProxyProcess({
        PROXY_ADDRESS: `127.0.0.1:${await freePort()}`,
        REDIS_URL: url,
        REDIS_CA_FILE: authority,
        DISCORD_API_HOST: `127.0.0.1:${discord.port}`,
      })
      running.push(proxy)
      const caller = redisBroker({
        ...location,
        group: "bot",
        body: "msgpack",
        trimming: { retentionMs: 60_000 },
        poolSize: 4,
        logger: silentLogger,
      })
      const reply = await caller.call("REQUEST", { method: "GET", path: "/gateway" }, { timeoutMs: 30_000 })
      expect(reply).toMatchObject({ status: 0, body: { status: 200 } })
      await caller.close({ drainWithinMs: 0 })
    }
  })
})
