// 200 clients of one token on 20 channels, through the proxy's own command, against the simulator with its limits enforced:
// what passed of what the limits allow, and what Discord had to refuse. One process or two that share Redis, of which one
// may be killed half-way: its clients go on at the other one.

import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { LimitChange } from "../../src/simulator/rest/limits/settings.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { freePort } from "../../test/fixtures/free-port.ts"
import { answering } from "../../test/fixtures/proxy-process.ts"
import { startRedisServer } from "../../test/fixtures/redis-server.ts"

const COMMAND = join(import.meta.dir, "../../src/bin/proxy.ts")
const CLIENTS = 200
const CHANNELS = 20
const GLOBAL_PER_SECOND = 50
const TOKEN = "MTE3NDY2NDg1NzMxNTU1NTM5OA.GT3sT1.not-a-real-token_of-any-bot-at-all-0000"
const POST = "POST /channels/:channel/messages"
const GET = "GET /channels/:channel/messages"
/** Of CPU time in /proc. */
const TICKS_PER_SECOND = 100
const RETRY_AFTER_MS = 20

export interface LimitCase {
  readonly name: string
  /** Requests of each route in each window of each channel. */
  readonly rules: Readonly<Record<string, { readonly limit: number; readonly windowMs: number }>>
  /** Which route a client asks for. */
  readonly routeOf: (client: number) => string
}

export const LIMIT_CASES: readonly LimitCase[] = [
  { name: "bound by buckets", rules: { [POST]: { limit: 5, windowMs: 5_000 } }, routeOf: () => POST },
  { name: "bound by the token", rules: { [POST]: { limit: 5, windowMs: 1_000 } }, routeOf: () => POST },
  {
    name: "mixed",
    rules: { [POST]: { limit: 5, windowMs: 5_000 }, [GET]: { limit: 5, windowMs: 1_000 } },
    routeOf: (client) => (Math.floor(client / CHANNELS) % 2 === 0 ? POST : GET),
  },
]

/** `killed`: of two over Redis, one gets SIGKILL half-way. */
export type Setup = "memory" | "redis" | "two" | "killed"

export interface LimitResult {
  readonly passed: number
  readonly allowed: number
  /** 429s that Discord had to send. */
  readonly limited: number
  /** Answers that were neither good nor retried. */
  readonly lost: number
  /** Requests that a client sent again, since its proxy was killed. */
  readonly retried: number
  /** Requests that Discord has executed and no client has an answer to, when all was over. */
  readonly unheard: number
  readonly leastOfAChannel: number
  readonly mostOfAChannel: number
  readonly cpuUs: number
  readonly wallUs: number
}

interface Proxy {
  readonly url: string
  readonly child: Bun.Subprocess
  cpuUs: number
  isKilled: boolean
}

export async function runLimits({ rules, routeOf }: LimitCase, setup: Setup, seconds: number): Promise<LimitResult> {
  const limits: LimitChange = {
    rules: Object.fromEntries(Object.entries(rules).map(([route, rule]) => [route, { ...rule, kind: "fixed" }])),
  }
  const discord = await startSimulator({ token: TOKEN, guilds: CHANNELS, limits })
  const redis = setup === "memory" ? null : await startRedisServer()
  const count = setup === "two" || setup === "killed" ? 2 : 1
  const proxies = await Promise.all(Array.from({ length: count }, () => startProxy(discord.host, redis?.url ?? null)))
  const channels = discord.world.guildIds
    .flatMap((id) => discord.world.guild(id)?.channels.filter(({ type }) => type === 0) ?? [])
    .slice(0, CHANNELS)
    .map(({ id }) => id)
  // Without what its start has cost.
  for (const proxy of proxies) proxy.cpuUs = -cpuUsOf(proxy.child.pid)
  const startedMs = performance.now()
  const untilMs = startedMs + seconds * 1_000
  const killing =
    setup === "killed" ? setTimeout(() => kill(proxies[0]), (untilMs - startedMs) / 2) : setTimeout(() => {}, 0)
  const tally = { passed: new Map<string, number>(), lost: 0, retried: 0 }
  const client = async (index: number) => {
    const channel = channels[index % channels.length] ?? ""
    // All clients of a channel and route are spread over the proxies.
    let proxy = proxies[Math.floor(index / (2 * CHANNELS)) % proxies.length]
    while (proxy !== undefined && performance.now() < untilMs) {
      if (proxy.isKilled) proxy = proxies.find(({ isKilled }) => !isKilled)
      const outcome = await send(proxy?.url ?? "", routeOf(index), channel, untilMs)
      if (outcome === "passed") tally.passed.set(channel, (tally.passed.get(channel) ?? 0) + 1)
      if (outcome === "refused") tally.lost += 1
      if (outcome === "broken" && proxy?.isKilled === true) tally.retried += 1
      else if (outcome === "broken") tally.lost += 1
      if (outcome === "broken") await Bun.sleep(RETRY_AFTER_MS)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)))
  clearTimeout(killing)
  const wallUs = (performance.now() - startedMs) * 1_000
  const requests = discord.record.all().filter((entry) => entry.kind === "request" && entry.path.includes("/messages"))
  const statuses = requests.map((entry) => (entry.kind === "request" ? entry.status : 0))
  for (const proxy of proxies) await stop(proxy)
  await redis?.stop()
  await discord.stop()
  const passed = [...tally.passed.values()].reduce((sum, one) => sum + one, 0)
  return {
    passed,
    allowed: allowedBy(rules, channels.length, seconds),
    limited: statuses.filter((status) => status === 429).length,
    lost: tally.lost,
    retried: tally.retried,
    unheard: statuses.filter((status) => status < 300).length - passed,
    leastOfAChannel: Math.min(...channels.map((id) => tally.passed.get(id) ?? 0)),
    mostOfAChannel: Math.max(...tally.passed.values()),
    cpuUs: proxies.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
    wallUs,
  }
}

function allowedBy(rules: LimitCase["rules"], channels: number, seconds: number): number {
  const byBuckets = Object.values(rules).map(({ limit, windowMs }) => limit * Math.ceil((seconds * 1_000) / windowMs))
  const all = channels * byBuckets.reduce((sum, one) => sum + one, 0)
  return Math.min(all, GLOBAL_PER_SECOND * seconds)
}

async function send(url: string, route: string, channel: string, untilMs: number) {
  const isPost = route === POST
  const over = AbortSignal.timeout(Math.max(1, untilMs - performance.now()))
  const response = await fetch(`${url}/api/v10/channels/${channel}/messages`, {
    method: isPost ? "POST" : "GET",
    headers: { authorization: `Bot ${TOKEN}`, "content-type": "application/json" },
    ...(isPost && { body: '{"content":"hello"}' }),
    signal: over,
  }).catch(() => null)
  if (response === null) return over.aborted ? "over" : "broken"
  await response.text().catch(() => "")
  return response.ok ? "passed" : "refused"
}

async function startProxy(discord: string, redis: string | null): Promise<Proxy> {
  const port = await freePort()
  const child = Bun.spawn([process.execPath, COMMAND], {
    env: {
      PATH: process.env["PATH"] ?? "",
      PROXY_ADDRESS: `127.0.0.1:${port}`,
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: discord,
      // A 429 is logged with its scope.
      LOG_LEVEL: "warn",
      SHUTDOWN_TIMEOUT: "1s",
      ...(redis !== null && { PROXY_LIMITS_REDIS_URL: redis }),
    },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  })
  const url = `http://127.0.0.1:${port}`
  await answering(`${url}/`)
  return { url, child, cpuUs: 0, isKilled: false }
}

function kill(proxy: Proxy | undefined): void {
  if (proxy === undefined) return
  proxy.cpuUs += cpuUsOf(proxy.child.pid)
  proxy.isKilled = true
  proxy.child.kill("SIGKILL")
}

async function stop(proxy: Proxy): Promise<void> {
  if (!proxy.isKilled) proxy.cpuUs += cpuUsOf(proxy.child.pid)
  proxy.child.kill("SIGTERM")
  await proxy.child.exited
}

/** User and system time of a process. */
function cpuUsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6
}
