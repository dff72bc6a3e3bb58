import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib"
import { exchange, type RawServer, rawServer } from "../fixtures/raw-http.ts"
import { type RunningProxy, startProxy } from "../fixtures/running-proxy.ts"

// Nothing here takes as long, unless the machine is busy with other things.
setDefaultTimeout(60_000)

const CHANNEL = "175928847299117063"
const TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"

const running: { stop(): unknown }[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

type Handler = (request: Request) => Response | Promise<Response>

/** A Discord of this test's own, and a proxy before it. */
async function proxyTo(handler: Handler, env: Record<string, string> = {}): Promise<RunningProxy> {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, maxRequestBodySize: 1e9, fetch: handler })
  running.push({ stop: () => server.stop(true) })
  const proxy = await startProxy(`127.0.0.1:${server.port}`, env)
  running.push(proxy)
  return proxy
}

async function proxyToRaw(onData: Parameters<typeof rawServer>[0]): Promise<RunningProxy> {
  const server: RawServer = await rawServer(onData)
  running.push(server)
  const proxy = await startProxy(server.host)
  running.push(proxy)
  return proxy
}

async function seen(request: Request): Promise<Response> {
  const { method, url, headers } = request
  return Response.json({ method, url, headers: [...headers], body: await request.text() })
}

describe("a request passes through", () => {
  test("with its method, path, repeated query keys and headers, but those for one hop and ours", async () => {
    const proxy = await proxyTo(seen)
    const response = await fetch(`${proxy.url}/api/v9/guilds/${CHANNEL}/messages/search?a=1&a=2&b=%20x`, {
      method: "PATCH",
      headers: {
        authorization: `Bot ${TOKEN}`,
        "x-audit-log-reason": "because%20of",
        "x-spectacles-priority": "high",
        "x-spectacles-timeout": "10s",
        te: "trailers",
        "x-one-hop": "1",
        connection: "x-one-hop",
        "content-type": "application/json",
      },
      body: "{}",
    })
    const { method, url, headers, body } = (await response.json()) as { [key: string]: string } & {
      headers: string[][]
    }
    expect({ method, body }).toEqual({ method: "PATCH", body: "{}" })
    expect(url).toEndWith(`/api/v9/guilds/${CHANNEL}/messages/search?a=1&a=2&b=%20x`)
    const all = new Map(headers.map(([name = "", value = ""]) => [name, value]))
    expect(all.get("authorization")).toBe(`Bot ${TOKEN}`)
    expect(all.get("x-audit-log-reason")).toBe("because%20of")
    for (const name of ["x-spectacles-priority", "x-spectacles-timeout", "te", "x-one-hop"]) {
      expect(all.has(name)).toBe(false)
    }
    expect(all.get("host")).not.toBe(`127.0.0.1:${proxy.port}`)
  })

  test("with the configured version where it names none, a User-Agent and our token where it has none", async () => {
    const proxy = await proxyTo(seen, { DISCORD_API_VERSION: "8", DISCORD_TOKEN: TOKEN })
    const answer = await exchange(proxy.port, "GET /api/gateway?x=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    expect(answer).toContain("/api/v8/gateway?x=1")
    expect(answer).toContain("DiscordBot (")
    expect(answer).toContain(`Bot ${TOKEN}`)
    const webhook = await exchange(proxy.port, `GET /api/webhooks/${CHANNEL}/abc HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect(webhook).not.toContain(TOKEN)
  })

  test("with a multipart body byte for byte, and gets its answer byte for byte", async () => {
    const proxy = await proxyTo(async (request) => {
      return new Response(await request.bytes(), { headers: { "x-type": request.headers.get("content-type") ?? "" } })
    })
    const form = new FormData()
    form.set("payload_json", '{"content":"ü"}')
    form.set("files[0]", new Blob([crypto.getRandomValues(new Uint8Array(50_000))]), "a.bin")
    const direct = new Response(form)
    const contentType = direct.headers.get("content-type") ?? ""
    const bytes = await direct.bytes()
    const response = await fetch(`${proxy.url}/api/v10/channels/${CHANNEL}/messages`, {
      method: "POST",
      headers: { "content-type": contentType },
      body: bytes,
    })
    expect(response.headers.get("x-type")).toBe(contentType)
    expect(await response.bytes()).toEqual(bytes)
  })

  test("with a body whose length it does not tell, small or large", async () => {
    const proxy = await proxyTo(async (request) => new Response(String((await request.bytes()).length)))
    for (const chunks of [3, 300]) {
      let left = chunks
      const body = new ReadableStream({
        pull(controller) {
          if (left-- > 0) controller.enqueue(new Uint8Array(10_000))
          else controller.close()
        },
      })
      const response = await fetch(`${proxy.url}/api/v10/channels/${CHANNEL}/messages`, { method: "POST", body })
      expect(await response.text()).toBe(String(chunks * 10_000))
    }
  })

  test("and its answer comes back with status, headers, encoding and an empty body as they were", async () => {
    const zipped = Bun.gzipSync(Buffer.from("hello hello hello"))
    const proxy = await proxyTo((request) => {
      if (request.url.endsWith("/users/@me")) return new Response(null, { status: 204, headers: { "x-a": "1" } })
      const headers = { "content-encoding": "gzip", "x-ratelimit-bucket": "b", "set-cookie": "a=1" }
      return new Response(zipped, { status: 201, headers })
    })
    const empty = await fetch(`${proxy.url}/api/v10/users/@me`, { method: "DELETE" })
    expect([empty.status, empty.headers.get("x-a"), await empty.text()]).toEqual([204, "1", ""])
    const full = await fetch(`${proxy.url}/api/v10/gateway`)
    expect([full.status, full.headers.get("x-ratelimit-bucket"), await full.text()]).toEqual([
      201,
      "b",
      "hello hello hello",
    ])
  })

  test("of 25 MB, up and down, without being kept", async () => {
    const size = 25 * 1024 * 1024
    const proxy = await proxyTo(async (request) => {
      let received = 0
      for await (const chunk of request.body ?? []) received += chunk.length
      return new Response(new Uint8Array(size), { headers: { "x-received": String(received) } })
    })
    const response = await fetch(`${proxy.url}/api/v10/channels/${CHANNEL}/messages`, {
      method: "POST",
      body: new Uint8Array(size),
    })
    expect(response.headers.get("x-received")).toBe(String(size))
    expect((await response.bytes()).length).toBe(size)
  })
})

test("a request of HTTP/1.0 without a Host goes where its path says", async () => {
  const proxy = await proxyTo(seen)
  expect(await exchange(proxy.port, "GET /api/v10/gateway HTTP/1.0\r\n\r\n")).toContain("/api/v10/gateway")
  const elsewhere = await exchange(proxy.port, "GET /x?u=http://evil/api/v10/gateway HTTP/1.0\r\n\r\n")
  expect(elsewhere).toContain("must begin with /api/")
})

describe("what cannot be passed on gets a clear error, and reaches nobody", () => {
  test.each([
    ["GET /api/v10/channels//messages", "empty segment"],
    ["GET /api/v10/channels/..%2f..%2fetc", "character"],
    ["GET /api/v10/channels/a%5cb", "character"],
    ["GET /api/v10/channels/a%00b", "character"],
    ["GET /../../etc/passwd", "must begin with /api/"],
    ["GET //evil.example/api/v10/x", "must begin with /api/"],
    ["GET http://evil.example/other", "must begin with /api/"],
    ["CONNECT evil.example:443", "CONNECT"],
    ["TRACE /api/v10/gateway", "TRACE"],
    ["GET /api/v10/", "nothing follows"],
    ["GET /metrics", "must begin with /api/"],
    [`GET /api/v10/${"a".repeat(5_000)}`, "characters long"],
  ])("%s", async (line, sentence) => {
    let reached = 0
    const proxy = await proxyTo(() => {
      reached += 1
      return new Response()
    })
    const answer = await exchange(proxy.port, `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    expect(answer).toContain("x-spectacles-proxy: bad request")
    expect(answer).toContain(sentence)
    expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")))).toMatchObject({ code: 0 })
    expect(reached).toBe(0)
  })

  test.each(["..", "%2e%2E", ".%2e"])(
    "%s is resolved before the path is looked at, and leads out of no API",
    async (dots) => {
      const proxy = await proxyTo(seen)
      const get = (path: string) => exchange(proxy.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      expect(await get(`/api/v10/channels/${dots}/users/@me`)).toMatch(/"url":"http:[^"]+:\d+\/api\/v10\/users\/@me"/)
      expect(await get(`/api/v10/${dots}/${dots}/etc/passwd`)).toContain("must begin with /api/")
    },
  )

  test("whatever the Host header says, only the configured host is connected to", async () => {
    const proxy = await proxyTo(seen)
    for (const host of ["evil.example", "a@evil.example", "evil.example/x?", "[::1]:1"]) {
      const answer = await exchange(proxy.port, `GET /api/v10/gateway HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      expect(answer).not.toContain("evil")
    }
  })

  test("a URL in place of a path leads nowhere but to the configured host", async () => {
    const proxy = await proxyTo(seen)
    for (const url of ["http://evil.example/api/v10/gateway", "https://a@evil.example:1/api/v10/gateway"]) {
      const answer = await exchange(proxy.port, `GET ${url} HTTP/1.1\r\nHost: evil.example\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 (200|400|404)/)
      expect(answer).not.toContain("evil")
    }
  })

  test.each([
    ["CR within a header", "X-A: a\rb"],
    ["NUL within a header", "X-A: a\0b"],
    ["a header that goes on in the next line", "X-A: a\r\n b"],
    ["a length that is no number", "Content-Length: 1e1"],
    ["two lengths", "Content-Length: 1\r\nContent-Length: 2"],
    ["a header without a name", ": a"],
    ["headers that are too large", `X-A: ${"a".repeat(100_000)}`],
    ["two ways to tell a length", "Content-Length: 3\r\nTransfer-Encoding: chunked"],
  ])("%s", async (_what, header) => {
    let reached = 0
    const proxy = await proxyTo(() => {
      reached += 1
      return new Response()
    })
    const answer = await exchange(proxy.port, `POST /api/v10/gateway HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 4(00|31)/)
    expect(reached).toBe(0)
  })

  test("a body that is too large, told so before it is sent, and all of these are counted", async () => {
    const proxy = await proxyTo(seen)
    const head = "POST /api/v10/gateway HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 600000000\r\n\r\n"
    const answer = await exchange(proxy.port, head)
    expect(answer).toStartWith("HTTP/1.1 413")
    expect(answer).toContain("x-spectacles-proxy: bad request")
    await fetch(`${proxy.url}/metrics`)
    const metrics = await proxy.metrics()
    for (const status of [404, 413]) {
      expect(metrics).toContain(`proxy_requests_total{route="other",status="${status}"} 1`)
    }
  })

  test("options of ours that cannot be read", async () => {
    const proxy = await proxyTo(seen)
    for (const headers of [{ "x-spectacles-priority": "callback" }, { "x-spectacles-timeout": "soon" }]) {
      const response = await fetch(`${proxy.url}/api/v10/gateway`, { headers })
      expect(response.status).toBe(400)
      expect(response.headers.get("x-spectacles-proxy")).toBe("bad request")
    }
  })
})

test("a deadline that is further off than a timer can run is none", async () => {
  const proxy = await proxyTo(seen)
  for (const timeout of ["30d", "999999999h"]) {
    const response = await fetch(`${proxy.url}/api/v10/gateway`, { headers: { "x-spectacles-timeout": timeout } })
    expect(response.status).toBe(200)
  }
})

describe("sent again is only what is safe:", () => {
  const answered = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

  test("a POST whose connection dies after its body was sent is not sent twice", async () => {
    let bodies = 0
    const proxy = await proxyToRaw((socket, data) => {
      if (data.includes("hello")) bodies += 1
      socket.destroy()
    })
    const response = await fetch(`${proxy.url}/api/v10/channels/${CHANNEL}/messages`, { method: "POST", body: "hello" })
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ message: expect.stringContaining("may have been executed") })
    expect(bodies).toBe(1)
  })

  test("a GET whose connection dies is sent again", async () => {
    let requests = 0
    const proxy = await proxyToRaw((socket) => {
      requests += 1
      if (requests < 3) socket.destroy()
      else socket.write(answered)
    })
    const response = await fetch(`${proxy.url}/api/v10/gateway`)
    expect([response.status, requests]).toEqual([200, 3])
  })

  test.each([
    ["GET", 3],
    ["PUT", 3],
    ["POST", 1],
    ["PATCH", 1],
  ])("a %s that is answered with 502 is sent %i times", async (method, times) => {
    let requests = 0
    const proxy = await proxyTo(() => {
      requests += 1
      return requests < 3 ? new Response("bad gateway", { status: 502 }) : new Response("ok")
    })
    const body = method === "GET" ? null : "x"
    const response = await fetch(`${proxy.url}/api/v10/channels/${CHANNEL}`, { method, body })
    expect([requests, response.status]).toEqual([times, times === 1 ? 502 : 200])
  })

  test("a POST that is answered with 429 is sent again, with its whole body", async () => {
    const bodies: string[] = []
    const proxy = await proxyTo(async (request) => {
      bodies.push(await request.text())
      if (bodies.length > 1) return new Response("ok")
      const headers = { via: "1.1 google", "retry-after": "1", "x-ratelimit-scope": "user" }
      return Response.json({ message: "slow down", retry_after: 0.05 }, { status: 429, headers })
    })
    const url = `${proxy.url}/api/v10/channels/${CHANNEL}/messages`
    const response = await fetch(url, { method: "POST", body: "hello" })
    expect([response.status, ...bodies]).toEqual([200, "hello", "hello"])
    expect(await proxy.metrics()).toContain('proxy_upstream_429_total{scope="user"} 1')
  })

  // What an encoding hides looks like Cloudflare's 429, for which every request would have to wait.
  test.each(["gzip", "deflate", "br", "zstd"] as const)(
    "what comes back as %s is read: a 429 is no ban, and an error reaches the client as it was",
    async (encoding) => {
      const encode = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync }[encoding]
      const encoded = (status: number, body: object, more: Record<string, string> = {}) => {
        const headers = { "content-encoding": encoding, "content-type": "application/json", via: "1.1 google", ...more }
        return new Response(encode(JSON.stringify(body)), { status, headers })
      }
      let requests = 0
      const proxy = await proxyTo((request) => {
        if (request.url.includes("/webhooks/")) return encoded(404, { message: "Unknown Message", code: 10_008 })
        requests += 1
        return requests === 1 ? encoded(429, { retry_after: 0.01 }, { "retry-after": "0" }) : new Response("ok")
      })
      const limited = await fetch(`${proxy.url}/api/v10/gateway`)
      expect([await limited.text(), requests]).toEqual(["ok", 2])
      expect(await proxy.metrics()).toContain('proxy_upstream_429_total{scope="user"} 1')
      const unknown = await fetch(`${proxy.url}/api/v10/webhooks/${CHANNEL}/t/messages/1`)
      expect([unknown.status, await unknown.json()]).toEqual([404, { message: "Unknown Message", code: 10_008 }])
    },
  )

  test("a host that cannot be reached is an honest 502", async () => {
    const proxy = await startProxy("127.0.0.1:1")
    running.push(proxy)
    const response = await fetch(`${proxy.url}/api/v10/gateway`, { headers: { "x-spectacles-timeout": "100ms" } })
    expect([response.status, response.headers.get("x-spectacles-proxy")]).toEqual([502, "unreachable"])
    expect(proxy.log()).toContain("Discord cannot be reached")
  })

  test("a request whose deadline passes while Discord works is an honest 504", async () => {
    const proxy = await proxyToRaw(() => {})
    const response = await fetch(`${proxy.url}/api/v10/gateway`, { headers: { "x-spectacles-timeout": "50" } })
    expect([response.status, response.headers.get("x-spectacles-proxy")]).toEqual([504, "timeout"])
  })
})

test("equal GETs in flight share one request when that is wanted, and other tokens' do not", async () => {
  let requests = 0
  const answering = Promise.withResolvers<void>()
  const proxy = await proxyTo(
    async () => {
      requests += 1
      await answering.promise
      return Response.json({ requests })
    },
    { PROXY_COALESCE: "true" },
  )
  const get = (token: string) =>
    exchange(
      proxy.port,
      `GET /api/v10/gateway HTTP/1.1\r\nHost: x\r\nAuthorization: ${token}\r\nConnection: close\r\n\r\n`,
    )
  const all = ["Bot a", "Bot a", "Bot a", "Bot b"].map(get)
  while (requests < 2) await Bun.sleep(1)
  // The proxy runs in this process: what was written before it has read within a few turns, however long they take.
  for (let turn = 0; turn < 20; turn += 1) await Bun.sleep(1)
  answering.resolve()
  for (const answer of await Promise.all(all)) expect(answer).toStartWith("HTTP/1.1 200")
  expect(requests).toBe(2)
})

test("a client that leaves while its request waits frees its place at once, and nothing is sent for it", async () => {
  let requests = 0
  const proxy = await proxyTo(() => {
    requests += 1
    const headers = {
      "x-ratelimit-remaining": "0",
      "x-ratelimit-limit": "1",
      "x-ratelimit-reset-after": "60",
      "x-ratelimit-bucket": "b",
    }
    return new Response("ok", { headers })
  })
  const post = (signal?: AbortSignal) =>
    fetch(`${proxy.url}/api/v10/channels/${CHANNEL}/messages`, { method: "POST", body: "x", ...(signal && { signal }) })
  await post()
  const client = new AbortController()
  const left = post(client.signal).catch(() => "left")
  while (proxy.limiter.reading.queued.normal === 0) await Bun.sleep(1)
  client.abort()
  expect(await left).toBe("left")
  while (proxy.limiter.reading.queued.normal > 0) await Bun.sleep(1)
  expect(requests).toBe(1)
})

test("a ban of the IP address shows in readiness, and is told to whoever must wait too long", async () => {
  const proxy = await proxyTo(
    () => new Response("<html>1015</html>", { status: 429, headers: { "retry-after": "600" } }),
  )
  const get = () => fetch(`${proxy.url}/api/v10/gateway`, { headers: { "x-spectacles-timeout": "1s" } })
  for (const response of [await get(), await get()]) {
    expect(response.status).toBe(429)
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(590)
  }
  expect(proxy.service.readiness).toMatchObject({ ready: false, reason: expect.stringContaining("Cloudflare") })
  expect(proxy.log()).toContain("Cloudflare refuses this IP address")
})

test("a stop finishes what Discord is working on, and refuses what waits", async () => {
  const arrived = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const proxy = await proxyTo(
    async () => {
      arrived.resolve()
      await release.promise
      return new Response("done", {
        headers: {
          "x-ratelimit-remaining": "0",
          "x-ratelimit-limit": "1",
          "x-ratelimit-reset-after": "60",
          "x-ratelimit-bucket": "b",
        },
      })
    },
    { SHUTDOWN_TIMEOUT: "1s" },
  )
  const get = () => fetch(`${proxy.url}/api/v10/gateway`)
  const first = get()
  await arrived.promise
  const second = get()
  while (proxy.limiter.reading.queued.normal === 0) await Bun.sleep(1)
  const stopped = proxy.stop()
  while (proxy.service.readiness.ready) await Bun.sleep(1)
  expect(proxy.service.readiness).toEqual({ ready: false, reason: "shutting down" })
  release.resolve()
  expect(await (await first).text()).toBe("done")
  const refused = await second
  expect([refused.status, refused.headers.get("x-spectacles-proxy")]).toEqual([503, "stopping"])
  await stopped
  await expect(get()).rejects.toThrow()
})

test("#35 a token appears in no log, metric or description of the limits", async () => {
  const proxy = await proxyTo(() => Response.json({ message: "401: Unauthorized", code: 0 }, { status: 401 }))
  const get = () => fetch(`${proxy.url}/api/v10/users/@me`, { headers: { authorization: `Bot ${TOKEN}` } })
  expect((await get()).headers.get("x-spectacles-proxy")).toBeNull()
  const refused = await get()
  expect([refused.status, refused.headers.get("x-spectacles-proxy")]).toEqual([401, "token refused"])
  await fetch(`${proxy.url}/api/v10/webhooks/${CHANNEL}/very-secret`, { method: "POST", body: "x" })
  const told = proxy.log() + (await proxy.metrics()) + JSON.stringify(proxy.limiter.describe()) + (await refused.text())
  expect(told).toContain("Discord refuses a token")
  expect(told).not.toContain(TOKEN)
  expect(told).not.toContain("very-secret")
})
