#!/usr/bin/env bun
// `spectacles demo`: a simulated Discord and a gateway in one terminal, with no token and no network. Half-way one
// connection is cut, to show that nothing is lost.

import { stdioBroker } from "../brokers/stdio/broker.ts"
import { fileSink } from "../brokers/stdio/sink.ts"
import { loadCodec } from "../codec/load.ts"
import { readGatewayConfig } from "../config/read-gateway-config.ts"
import { sleep, systemClock } from "../flow/clock.ts"
import { Gateway } from "../gateway/gateway.ts"
import { memorySessionStore } from "../gateway/sessions/memory-store.ts"
import { dialWebSocket } from "../gateway/socket.ts"
import { GatewayMetrics } from "../ops/gateway-metrics.ts"
import { createLogger } from "../ops/log.ts"
import { Metrics } from "../ops/metrics.ts"
import { showProgress } from "../ops/progress.ts"
import { errorTerminal, standardError, type TextOutput } from "../ops/standard-error.ts"
import type { Simulator } from "../simulator/simulator.ts"
import { startSimulator } from "../simulator/start.ts"
import { wantsColour } from "./colour.ts"
import { callOf, command, EXIT_FAILED, EXIT_OK, runCommand, stopSignal } from "./command.ts"
import { wholeNumber } from "./command-line.ts"
import { DeliveryAudit } from "./delivery-audit.ts"
import { shortLines } from "./short-lines.ts"

const TOKEN = "demo-token"
const STANDARD_OUTPUT = 1
const EVENTS = ["GUILD_CREATE", "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_REACTION_ADD"]
const INTENTS = ["GUILDS", "GUILD_MESSAGES", "GUILD_MESSAGE_REACTIONS", "MESSAGE_CONTENT"]
const AUDIT_INTERVAL_MS = 1_000
/** Where the cut comes when the demo has no end. */
const ENDLESS_CUT_MS = 10_000

const LINE = {
  name: "demo",
  about: `A simulated Discord and a gateway in one terminal, with no token and no network: events on standard output, everything
else on standard error.`,
  flags: {
    seconds: { type: "string", value: "N", help: "how long it runs; 0: until Ctrl-C (20)" },
    shards: { type: "string", value: "N", help: "shards of the bot (2)" },
    rate: { type: "string", value: "N", help: "events a second and shard, wanted or not (20)" },
  },
  examples: [
    { what: "events go on, everything else can be dropped", line: "spectacles demo --seconds 5 2>/dev/null | head" },
  ],
} as const

export const demo = command(LINE, async ({ flags }) => {
  const seconds = wholeNumber("seconds", flags.seconds, 0, 86_400) ?? 20
  const shards = wholeNumber("shards", flags.shards, 1, 64) ?? 2
  const rate = wholeNumber("rate", flags.rate, 1, 10_000) ?? 20
  const stop = stopSignal()
  const discord = await startSimulator({ token: TOKEN, shards, rate, guilds: shards * 4, maxConcurrency: shards })
  const output = standardError()
  try {
    return await run({ discord, seconds, stop, output })
  } finally {
    await discord.stop()
    await output.flush()
  }
})

interface DemoRun {
  readonly discord: Simulator
  readonly seconds: number
  readonly stop: AbortSignal
  readonly output: TextOutput
}

async function run({ discord, seconds, stop, output }: DemoRun): Promise<number> {
  const codec = loadCodec("auto")
  const { config } = readGatewayConfig({
    file: null,
    env: {
      DISCORD_TOKEN: TOKEN,
      DISCORD_EVENTS: EVENTS.join(","),
      DISCORD_INTENTS: INTENTS.join(","),
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: discord.host,
    },
    isTerminal: true,
    readText: () => "",
  })
  const colour = wantsColour(process.stderr)
  const write = (text: string) => output.write(text)
  const log = createLogger({ level: "info", format: "pretty", colour, secrets: [TOKEN], write })
  const sink = fileSink(STANDARD_OUTPUT)
  const audit = new DeliveryAudit({ discord, wanted: new Set(EVENTS), clock: systemClock })
  const broker = stdioBroker({
    output: process.stdout.isTTY ? shortLines(sink, () => process.stdout.columns) : sink,
    input: Bun.stdin.stream(),
    body: "json",
    logger: log,
  })
  const service = new Gateway({
    config,
    codec,
    broker: audit.watch(broker),
    store: memorySessionStore(),
    metrics: new GatewayMetrics(new Metrics()),
    log,
    clock: systemClock,
    random: Math.random,
    soon: setImmediate,
    dial: dialWebSocket,
    fetch,
  })
  const ending = new AbortController()
  const done = seconds === 0 ? stop : AbortSignal.any([stop, AbortSignal.timeout(seconds * 1_000)])
  done.addEventListener("abort", () => ending.abort(), { once: true })
  const hideProgress = showProgress(errorTerminal(output), systemClock, () => audit.progress(service))
  const audits = setInterval(() => audit.check(), AUDIT_INTERVAL_MS)
  const cutMs = seconds === 0 ? ENDLESS_CUT_MS : seconds * 500
  sleep(systemClock, cutMs, ending.signal).then(
    () => discord.inject({ type: "drop", shard: 0 }),
    () => {},
  )
  const end = await service.run(ending.signal)
  ending.abort()
  clearInterval(audits)
  hideProgress()
  audit.check()
  write(summary(audit, codec.description))
  if (end.type === "refused") write(`${end.message}\n`)
  return end.type === "stopped" && audit.lost === 0 ? EXIT_OK : EXIT_FAILED
}

function summary(audit: DeliveryAudit, codec: string): string {
  const { confirmed, lost, latencyMs } = audit
  const latency =
    latencyMs === null ? "–" : `${latencyMs.toFixed(2)} ms (mean, from handing a batch over to its confirm)`
  return `
  events    ${confirmed.toLocaleString("en-US")} published, ${lost} lost, one connection cut on the way
  latency   ${latency}
  codec     ${codec}

  Next: put your own bot's token in.
    DISCORD_TOKEN="your token" DISCORD_EVENTS=MESSAGE_CREATE DISCORD_INTENTS=GUILDS,GUILD_MESSAGES ${callOf("gateway")}
  Or test a bot against the simulator:  ${callOf("simulator")} --help
`
}

if (import.meta.main) await runCommand(demo, process.argv.slice(2))
