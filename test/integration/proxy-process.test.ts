import { afterEach, describe, expect, test } from "bun:test"
import { freePort } from "../fixtures/free-port.ts"
import { answering, startProxyProcess } from "../fixtures/proxy-process.ts"

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
})
