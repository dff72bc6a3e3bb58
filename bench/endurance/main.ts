// `bun bench/endurance/main.ts [--broker redis|amqp] [--minutes 10] [--down-minutes 2] [--shards 8]`: is the gateway's memory
// flat over a long run at full rate, and then while the broker is down? Simulator, gateway and broker are processes of their own. It prints what
// the gateway holds in memory once in a while, and for both phases by how much that grows.

import { mkdirSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { freePort } from "../../test/fixtures/free-port.ts"
import { startRabbitmqServer } from "../../test/fixtures/rabbitmq-server.ts"
import { startRedisServer } from "../../test/fixtures/redis-server.ts"
import { startLineProcess } from "../feed/line-process.ts"

const ROOT = join(import.meta.dir, "../..")
const SAMPLE_MS = 2_000
/** Of each phase: the heap finds its size, and the window fills. */
const WARM_UP_SHARE = 0.2
/** Streams are kept this short, since it is not the broker's memory that is measured. */
const MAX_LENGTH = 10_000
/** Queues hold what came in this time. */
const MESSAGE_TIMEOUT = "2s"

interface Sample {
  readonly atS: number
  readonly residentMb: number
  readonly eventsPerS: number
}

interface Phase {
  readonly name: string
  readonly medianMb: number
  readonly maxMb: number
  /** By least squares, after the warm-up. */
  readonly growthMbPerMinute: number
  readonly eventsPerS: number
}

const { values } = parseArgs({
  options: {
    broker: { type: "string", default: "redis" },
    minutes: { type: "string", default: "10" },
    "down-minutes": { type: "string", default: "2" },
    shards: { type: "string", default: "8" },
  },
})
const MINUTE_MS = 60_000

const broker =
  values.broker === "amqp"
    ? { server: await startRabbitmqServer(), type: "amqp", variable: "AMQP_URL" }
    : { server: await startRedisServer(), type: "redis", variable: "REDIS_URL" }
const discord = startLineProcess([process.execPath, join(import.meta.dir, "discord.ts"), values.shards])
const metricsPort = await freePort()
const gateway = Bun.spawn([process.execPath, join(ROOT, "src/bin/gateway.ts")], {
  env: {
    PATH: process.env["PATH"] ?? "",
    DISCORD_TOKEN: "endurance",
    DISCORD_RAW_INTENTS: "53608447",
    DISCORD_EVENTS: "MESSAGE_CREATE,MESSAGE_UPDATE,PRESENCE_UPDATE,TYPING_START,GUILD_CREATE,GUILD_MEMBER_UPDATE",
    DISCORD_API_SCHEME: "http",
    DISCORD_API_HOST: String((await discord.hear())["host"]),
    PROMETHEUS_ADDRESS: `127.0.0.1:${metricsPort}`,
    LOG_LEVEL: "warn",
    BROKER_TYPE: broker.type,
    [broker.variable]: broker.server.url,
    ...(broker.type === "redis"
      ? { REDIS_MAX_LENGTH: String(MAX_LENGTH) }
      : { BROKER_MESSAGE_TIMEOUT: MESSAGE_TIMEOUT }),
  },
  stdio: ["ignore", "ignore", "inherit"],
})

try {
  await ready()
  discord.say({ rate: "flat-out" })
  const phases = [await phase("at full rate", Number(values.minutes) * MINUTE_MS)]
  await broker.server.down()
  phases.push(await phase("while the broker is down", Number(values["down-minutes"]) * MINUTE_MS))
  await broker.server.up()
  report(phases)
} finally {
  gateway.kill("SIGKILL")
  await Promise.all([gateway.exited, discord.stop(), broker.server.stop()])
}

async function phase(name: string, lastsMs: number): Promise<Phase> {
  const samples: Sample[] = []
  const startedMs = performance.now()
  let events = await received()
  let atMs = startedMs
  while (atMs - startedMs < lastsMs) {
    await Bun.sleep(SAMPLE_MS)
    if (gateway.exitCode !== null) throw new Error(`The gateway has ended with ${gateway.exitCode}.`)
    const [nowMs, now] = [performance.now(), await received()]
    const eventsPerS = ((now - events) / (nowMs - atMs)) * 1_000
    const sample = { atS: (nowMs - startedMs) / 1_000, residentMb: residentMb(), eventsPerS }
    samples.push(sample)
    ;[events, atMs] = [now, nowMs]
    console.log(
      `${name}  ${sample.atS.toFixed(0)} s  ${sample.residentMb.toFixed(1)} MB  ${eventsPerS.toFixed(0)} events/s`,
    )
  }
  const steady = samples.filter(({ atS }) => atS * 1_000 > lastsMs * WARM_UP_SHARE)
  return {
    name,
    medianMb: median(steady.map((sample) => sample.residentMb)),
    maxMb: Math.max(...samples.map((sample) => sample.residentMb)),
    growthMbPerMinute: slope(steady) * 60,
    eventsPerS: median(steady.map((sample) => sample.eventsPerS)),
  }
}

async function ready(): Promise<void> {
  while (
    !(await fetch(`http://127.0.0.1:${metricsPort}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await Bun.sleep(50)
}

/** Dispatches that the gateway has decoded so far. */
async function received(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  return text
    .split("\n")
    .filter((line) => line.startsWith("gateway_packets_received{") && line.includes('op="0"'))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0)
}

function residentMb(): number {
  const status = Bun.spawnSync(["ps", "-o", "rss=", "-p", String(gateway.pid)]).stdout.toString()
  return Number(status.trim()) / 1_024
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** MB a second. */
function slope(samples: readonly Sample[]): number {
  const mean = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length
  const [atS, residentMb] = [mean(samples.map((one) => one.atS)), mean(samples.map((one) => one.residentMb))]
  const together = samples.reduce((sum, one) => sum + (one.atS - atS) * (one.residentMb - residentMb), 0)
  return together / samples.reduce((sum, one) => sum + (one.atS - atS) ** 2, 0)
}

function report(phases: readonly Phase[]): void {
  console.log(`\n| ${values.broker}, ${values.shards} shards | median MB | most MB | growth, MB/min | events/s |`)
  console.log("| --- | --- | --- | --- | --- |")
  for (const { name, medianMb, maxMb, growthMbPerMinute, eventsPerS } of phases) {
    const cells = [medianMb.toFixed(1), maxMb.toFixed(1), growthMbPerMinute.toFixed(2), eventsPerS.toFixed(0)]
    console.log(`| ${name} | ${cells.join(" | ")} |`)
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, Bun ${Bun.version}`
  const result = { benchmark: "endurance", at: new Date().toISOString(), machine, ...values, phases }
  mkdirSync(join(ROOT, "bench/results"), { recursive: true })
  writeFileSync(join(ROOT, `bench/results/endurance-${values.broker}.json`), `${JSON.stringify(result, null, 2)}\n`)
}
