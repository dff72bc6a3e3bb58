// How many requests pass of those that the limits allow, and how many 429s does Discord have to send? 200 clients of one
// token on 20 channels for 30 s, through the proxy's own command, against the simulator with its limits enforced.
// `bun bench/proxy/limits.ts [seconds]`

import { join } from "node:path"
import type { SimulatorOptions } from "../../src/simulator/options.ts"
import { startSimulator } from "../../src/simulator/start.ts"

const COMMAND = join(import.meta.dir, "../../src/bin/proxy.ts")
const CLIENTS = 200
const CHANNELS = 20
const GLOBAL_PER_SECOND = 50
const TOKEN = "MTE3NDY2NDg1NzMxNTU1NTM5OA.GT3sT1.not-a-real-token_of-any-bot-at-all-0000"
const POST = "POST /channels/:channel/messages"

const seconds = Number(process.argv[2] ?? 30)

interface Case {
  readonly name: string
  readonly limit: number
  readonly windowMs: number
}

const CASES: readonly Case[] = [
  { name: "bound by buckets", limit: 5, windowMs: 5_000 },
  { name: "bound by the token", limit: 5, windowMs: 1_000 },
]

for (const one of CASES) console.log(JSON.stringify(await run(one)))
process.exit(0)

async function run({ name, limit, windowMs }: Case) {
  const limits: NonNullable<SimulatorOptions["limits"]> = { rules: { [POST]: { limit, windowMs, kind: "fixed" } } }
  const discord = await startSimulator({ token: TOKEN, guilds: 20, limits })
  const port = await freePort()
  const proxy = Bun.spawn([process.execPath, COMMAND], {
    env: {
      PATH: process.env["PATH"] ?? "",
      PROXY_ADDRESS: `127.0.0.1:${port}`,
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: discord.host,
      LOG_LEVEL: "error",
    },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  })
  const url = `http://127.0.0.1:${port}`
  while ((await fetch(`${url}/`).catch(() => null)) === null) await Bun.sleep(50)
  const channels = discord.world.guildIds
    .flatMap((id) => discord.world.guild(id)?.channels.filter(({ type }) => type === 0) ?? [])
    .slice(0, CHANNELS)
  const untilMs = performance.now() + seconds * 1_000
  const passed = new Map<string, number>()
  const failed: Record<string, number> = {}
  const client = async (index: number) => {
    const channel = channels[index % channels.length]?.id ?? ""
    while (performance.now() < untilMs) {
      const response = await fetch(`${url}/api/v10/channels/${channel}/messages`, {
        method: "POST",
        headers: { authorization: `Bot ${TOKEN}`, "content-type": "application/json" },
        body: '{"content":"hello"}',
        signal: AbortSignal.timeout(Math.max(1, untilMs - performance.now())),
      }).catch(() => null)
      if (response === null) return
      await response.text().catch(() => "")
      if (response.ok) passed.set(channel, (passed.get(channel) ?? 0) + 1)
      else failed[response.status] = (failed[response.status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)))
  const limited = discord.record.all().filter((entry) => entry.kind === "request" && entry.status === 429).length
  const byBuckets = channels.length * limit * Math.ceil((seconds * 1_000) / windowMs)
  const allowed = Math.min(byBuckets, GLOBAL_PER_SECOND * seconds)
  const total = [...passed.values()].reduce((sum, count) => sum + count, 0)
  proxy.kill("SIGTERM")
  await proxy.exited
  await discord.stop()
  return {
    name,
    seconds,
    channels: channels.length,
    passed: total,
    allowed,
    percent: Math.round((1_000 * total) / allowed) / 10,
    limited,
    failed,
    leastOfAChannel: Math.min(...channels.map(({ id }) => passed.get(id) ?? 0)),
    mostOfAChannel: Math.max(...passed.values()),
  }
}

async function freePort(): Promise<number> {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() })
  const { port = 0 } = server
  await server.stop(true)
  return port
}
