import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { freePort } from "../fixtures/free-port.ts"
import { answering, startProxyProcess } from "../fixtures/proxy-process.ts"
import { rawServer } from "../fixtures/raw-http.ts"
import { type RunningProxy, startProxy } from "../fixtures/running-proxy.ts"

// Nothing here takes as long, unless the machine is busy with other things.
setDefaultTimeout(60_000)

const CHANNEL = "175928847299117063"
const MIB = 1024 * 1024

const running: { stop(): unknown }[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

async function proxyToRaw(onData: (socket: Socket, data: string) => void): Promise<RunningProxy> {
  const server = await rawServer(onData)
  running.push(server)
  const proxy = await startProxy(server.host)
  running.push(proxy)
  return proxy
}

// Bun's fetch sends a GET, PUT or DELETE again by itself, once, when a kept connection turns out to be dead.
describe("a kept connection that dies under a request", () => {
  const ok = (limit: string) => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${limit}\r\nok`

  test("does not have a POST or PATCH sent twice, nor loses what follows", async () => {
    for (const method of ["POST", "PATCH"]) {
      const arrived: string[] = []
      const proxy = await proxyToRaw((socket, data) => {
        arrived.push(data.slice(0, data.indexOf(" ")))
        if (arrived.length === 2) socket.destroy()
        else socket.write(ok(""))
      })
      const url = `${proxy.url}/api/v10/channels/${CHANNEL}`
      expect(await (await fetch(url)).text()).toBe("ok")
      const broken = await fetch(url, { method, body: "hello" })
      expect(broken.status).toBe(502)
      expect(await broken.text()).toContain("may have been executed")
      expect(arrived).toEqual(["GET", method])
      expect(await (await fetch(url)).text()).toBe("ok")
    }
  })

  test.each(["GET", "PUT", "DELETE"])(
    "may have a %s sent again behind the limiter's back: the answer tells how much is left, and no more is sent",
    async (method) => {
      const limit = 5
      let arrived = 0
      let isDead = false
      const proxy = await proxyToRaw((socket) => {
        arrived += 1
        if (arrived === 2) {
          // Counted by Discord, and never answered.
          isDead = true
          socket.destroy()
          return
        }
        const left = Math.max(0, limit - arrived)
        const told = `X-RateLimit-Limit: ${limit}\r\nX-RateLimit-Remaining: ${left}\r\n`
        socket.write(ok(`${told}X-RateLimit-Reset-After: 60\r\nX-RateLimit-Bucket: b\r\n`))
      })
      const send = () =>
        fetch(`${proxy.url}/api/v10/channels/${CHANNEL}`, { method, headers: { "x-spectacles-timeout": "30s" } })
      const statuses: number[] = []
      for (let count = 0; count < 6; count += 1) statuses.push((await send()).status)
      expect(isDead).toBe(true)
      // Five arrived, one of them twice: the sixth is told to wait.
      expect(statuses).toEqual([200, 200, 200, 200, 429, 429])
      expect(arrived).toBe(limit)
    },
  )
})

test("uploads and downloads of 25 MB, several at once, stream through a process that does not grow with them", async () => {
  const size = 25 * MIB
  const chunk = new Uint8Array(256 * 1024)
  const stream = () => {
    let left = size / chunk.length
    return new ReadableStream<Uint8Array>({
      pull(controller) {
        if (left-- > 0) controller.enqueue(chunk)
        else controller.close()
      },
    })
  }
  const discord = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    maxRequestBodySize: 1e9,
    async fetch(request) {
      let received = 0
      for await (const part of request.body ?? []) received += part.length
      return new Response(stream(), { headers: { "x-received": String(received) } })
    },
  })
  running.push({ stop: () => discord.stop(true) })
  const port = await freePort()
  const proxy = await startProxyProcess({
    PROXY_ADDRESS: `127.0.0.1:${port}`,
    DISCORD_API_HOST: `127.0.0.1:${discord.port}`,
  })
  running.push(proxy)
  await answering(`http://127.0.0.1:${port}/`)
  const before = residentMib(proxy.pid)
  const both = async (channel: number) => {
    const url = `http://127.0.0.1:${port}/api/v10/channels/${CHANNEL.slice(1)}${channel}/messages`
    const headers = { "content-length": String(size) }
    const response = await fetch(url, { method: "POST", body: stream(), headers })
    let received = 0
    for await (const part of response.body ?? []) received += part.length
    return [response.headers.get("x-received"), received]
  }
  const all = await Promise.all(Array.from({ length: 8 }, (_, channel) => both(channel)))
  expect(all).toEqual(Array.from({ length: 8 }, () => [String(size), size]))
  // 400 MB have passed. Kept whole, even one direction of them would show.
  expect(residentMib(proxy.pid, "VmHWM") - before).toBeLessThan(100)
})

test("uploads are in hand in any number, however large they are, and those that break off leave nothing behind", async () => {
  const arrived = new Set<Socket>()
  const all = Promise.withResolvers<void>()
  const proxy = await proxyToRaw((socket, data) => {
    if (!data.startsWith("POST")) return
    arrived.add(socket)
    if (arrived.size === 4) all.resolve()
  })
  const upload = (channel: number, length: number) =>
    new Promise<Socket>((resolve) => {
      const socket = connect(proxy.port, "127.0.0.1", () => {
        socket.write(
          `POST /api/v10/channels/${channel}/messages HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\na`,
        )
        resolve(socket)
      })
      socket.on("error", () => {})
    })
  const large = await Promise.all(Array.from({ length: 4 }, (_, channel) => upload(channel, 400 * MIB)))
  await all.promise
  // More than the room that there is for bodies that are kept.
  const kept = await Promise.all(Array.from({ length: 520 }, (_, channel) => upload(channel, MIB)))
  for (const socket of [...large, ...kept]) socket.destroy()
  while (proxy.service.inFlight > 0) await Bun.sleep(5)
  const post = () =>
    fetch(`${proxy.url}/api/v10/channels/9/messages`, {
      method: "POST",
      body: new Uint8Array(MIB),
      headers: { "x-spectacles-timeout": "50ms" },
    })
  while ((await post()).status !== 504) await Bun.sleep(5)
  expect(await proxy.metrics()).toContain('route="POST /channels/:channel/messages",status="499"} 4')
})

/** Linux only, as the gate is. */
function residentMib(pid: number, what: "VmRSS" | "VmHWM" = "VmRSS"): number {
  const [, kib] = new RegExp(`^${what}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? []
  return Number(kib) / 1024
}
