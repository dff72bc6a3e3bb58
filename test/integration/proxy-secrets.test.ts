import { afterEach, expect, setDefaultTimeout, test } from "bun:test"
import { freePort } from "../fixtures/free-port.ts"
import { answering, startProxyProcess } from "../fixtures/proxy-process.ts"
import { exchange } from "../fixtures/raw-http.ts"

// Nothing here takes as long, unless the machine is busy with other things.
setDefaultTimeout(60_000)

const CHANNEL = "175928847299117063"
const OWN_TOKEN = "MTE3NDY2NDg1NzMxNTU1NTM5OA.GT3sT1.the-proxys-own-token-of-no-bot-at-all-0"
const BOT_TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"
const WEBHOOK_TOKEN = "a-webhooks-secret-of-sixty-eight-characters"
const INTERACTION_TOKEN = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5OnNlY3JldA"
const SECRETS = [OWN_TOKEN, BOT_TOKEN, BOT_TOKEN.slice(-20), OWN_TOKEN.slice(-20), WEBHOOK_TOKEN, INTERACTION_TOKEN]

const running: { stop(): unknown }[] = []
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop()
})

/** Answers that make the proxy say something: by what the path ends with. */
function discord(request: Request): Response | Promise<Response> {
  const { pathname } = new URL(request.url)
  const headers = { via: "1.1 google", "retry-after": "1", "x-ratelimit-scope": "user" }
  if (pathname.endsWith("/limited")) return Response.json({ retry_after: 1 }, { status: 429, headers })
  if (pathname.endsWith("/refused")) return Response.json({ message: "401: Unauthorized" }, { status: 401 })
  if (pathname.endsWith("/banned")) {
    return new Response("<html>1015</html>", { status: 429, headers: { "retry-after": "3" } })
  }
  if (pathname.includes("/gone")) return Response.json({ code: 10015 }, { status: 404 })
  if (pathname.endsWith("/down")) return new Response("", { status: 502 })
  if (pathname.endsWith("/slow")) return new Promise(() => {})
  if (pathname.endsWith("/half")) return new Response(brokenOff())
  return Response.json({})
}

/** The connection breaks in the middle of it. */
function brokenOff(): ReadableStream<string> {
  const parts = ['{"id": "1', "75928847"]
  return new ReadableStream<string>({
    async pull(controller) {
      const part = parts.shift()
      if (part === undefined) return controller.error(undefined)
      controller.enqueue(part)
      await Bun.sleep(20)
    },
  })
}

test("#35 nothing that a run prints, serves or answers by itself holds a token, whatever goes wrong", async () => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: discord, idleTimeout: 0 })
  running.push({ stop: () => server.stop(true) })
  const [port, metricsPort] = [await freePort(), await freePort()]
  const proxy = await startProxyProcess({
    PROXY_ADDRESS: `127.0.0.1:${port}`,
    METRICS_ADDR: `127.0.0.1:${metricsPort}`,
    DISCORD_API_HOST: `127.0.0.1:${server.port}`,
    DISCORD_TOKEN: OWN_TOKEN,
    LOG_LEVEL: "trace",
    SHUTDOWN_TIMEOUT: "1s",
  })
  running.push(proxy)
  await answering(`http://127.0.0.1:${port}/`)
  const told: string[] = []
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v10${path}`, {
      method,
      headers: { "x-spectacles-timeout": "20s", ...headers },
    })
    told.push(JSON.stringify([...response.headers]), await response.text())
    return response.status
  }
  const bot = { authorization: `Bot ${BOT_TOKEN}` }
  const webhook = `/webhooks/${CHANNEL}/${WEBHOOK_TOKEN}`
  const callback = `/interactions/${CHANNEL}/${INTERACTION_TOKEN}/callback`
  const soon = { "x-spectacles-timeout": "300ms" }
  for (const end of ["limited", "down", "slow"])
    expect(await ask("POST", `${webhook}/${end}`, soon)).toBeGreaterThan(400)
  const statuses = [
    await ask("GET", "/gateway", bot),
    await ask("GET", "/gateway"),
    await ask("POST", webhook),
    await ask("POST", callback),
    await ask("POST", `${webhook}/gone`),
    await ask("POST", `${webhook}/gone`),
    await ask("GET", `/${BOT_TOKEN}//x`),
    await ask("GET", "/gateway", { ...bot, "x-spectacles-priority": BOT_TOKEN }),
    await ask("GET", "/gateway", { ...bot, "x-spectacles-timeout": BOT_TOKEN }),
    await ask("GET", "/users/@me/refused", bot),
    await ask("GET", "/users/@me/refused", bot),
    await ask("GET", "/refused"),
  ]
  expect(statuses).toEqual([200, 200, 200, 200, 404, 404, 404, 400, 400, 401, 401, 401])
  for (const path of [`${webhook}/half`, `/interactions/${CHANNEL}/${INTERACTION_TOKEN}/half`]) {
    await expect(ask("POST", path)).rejects.toThrow()
  }
  const bad = [`Authorization: Bot ${BOT_TOKEN}\rX: y`, `X${WEBHOOK_TOKEN} : a`, `X: ${BOT_TOKEN.repeat(2_000)}`]
  for (const header of bad) {
    const answer = await exchange(port, `GET /api/v10/gateway HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 4/)
    told.push(answer)
  }
  await ask("POST", `${webhook}/banned`, { "x-spectacles-timeout": "2900ms" })
  const waiting = [ask("POST", callback, { "x-spectacles-timeout": "30s" }), ask("POST", webhook, bot)]
  for (const path of ["/metrics", "/limits", "/readyz", "/healthz"]) {
    told.push(await (await fetch(`http://127.0.0.1:${metricsPort}${path}`)).text())
  }
  proxy.signal("SIGTERM")
  await Promise.all(waiting)
  expect(await proxy.exited).toBe(0)
  told.push(await proxy.errors)
  const all = told.join("\n")
  for (const sign of [
    "Discord refuses a token",
    "Cloudflare refuses",
    "proxy_requests_total",
    "routes",
    "broke in the middle",
  ]) {
    expect(all).toContain(sign)
  }
  for (const secret of SECRETS) expect(all).not.toContain(secret)
})
