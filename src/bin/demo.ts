#!/usr/bin/env bun
// `spectacles demo`: a simulated Discord, a gateway, a command handler and a proxy in one terminal, with no token and no
// network. Users ask, the bot answers, and half-way one connection is cut, to show that nothing is lost.

import { memoryBroker } from "../brokers/memory/broker.ts"
import { MemoryHub } from "../brokers/memory/hub.ts"
import { loadCodec } from "../codec/load.ts"
import { sleep, systemClock } from "../flow/clock.ts"
import type { Gateway, GatewayEnd } from "../gateway/gateway.ts"
import { createLogger } from "../ops/log.ts"
import { showProgress } from "../ops/progress.ts"
import { errorTerminal, standardError, TextOutput } from "../ops/standard-error.ts"
import type { RestProxy } from "../proxy/proxy.ts"
import type { Simulator } from "../simulator/simulator.ts"
import { startSimulator } from "../simulator/start.ts"
import { painter, wantsColour } from "./colour.ts"
import { command, EXIT_FAILED, EXIT_OK, runCommand, stopSignal } from "./command.ts"
import { wholeNumber } from "./command-line.ts"
import { DeliveryAudit } from "./delivery-audit.ts"
import { handleCommands } from "./demo/handler.ts"
import { demoGateway, demoProxy, EVENTS, TOKEN } from "./demo/services.ts"
import { Story } from "./demo/story.ts"
import { Users } from "./demo/users.ts"
import { introduction, summary } from "./demo/words.ts"

const STANDARD_OUTPUT = 1
const AUDIT_INTERVAL_MS = 1_000
const READY_POLL_MS = 5

const LINE = {
  name: "demo",
  about: `A simulated Discord, a gateway, a command handler and a proxy in one terminal, with no token and no network: what they do
on standard output, problems on standard error.`,
  flags: {
    seconds: { type: "string", value: "N", help: "how long it runs; 0: until Ctrl-C (20)" },
    shards: { type: "string", value: "N", help: "shards of the bot (2)" },
    rate: { type: "string", value: "N", help: "events a second and shard, wanted or not (20)" },
  },
  examples: [{ what: "until you have seen enough", line: "spectacles demo --seconds 0" }],
} as const

export const demo = command(LINE, async ({ flags }) => {
  const seconds = wholeNumber("seconds", flags.seconds, 0, 86_400) ?? 20
  const shards = wholeNumber("shards", flags.shards, 1, 64) ?? 2
  const rate = wholeNumber("rate", flags.rate, 1, 10_000) ?? 20
  const stop = stopSignal()
  const discord = await startSimulator({ token: TOKEN, shards, rate, guilds: shards * 4, maxConcurrency: shards })
  const output = new TextOutput(Bun.file(STANDARD_OUTPUT).writer())
  const error = standardError()
  try {
    return await run({ discord, shards, seconds, stop, output, error })
  } finally {
    await discord.stop()
    await Promise.all([output.flush(), error.flush()])
  }
})

interface DemoRun {
  readonly discord: Simulator
  readonly shards: number
  readonly seconds: number
  readonly stop: AbortSignal
  readonly output: TextOutput
  readonly error: TextOutput
}

async function run({ discord, shards, seconds, stop, output, error }: DemoRun): Promise<number> {
  const clock = systemClock
  const write = (text: string) => output.write(text)
  const paint = painter(wantsColour(process.stdout))
  const colour = wantsColour(process.stderr)
  const log = createLogger({
    level: "error",
    format: "pretty",
    colour,
    secrets: [TOKEN],
    write: (line) => error.write(line),
  })
  const hub = new MemoryHub()
  const audit = new DeliveryAudit({ discord, wanted: new Set(EVENTS), clock })
  const lost = () => audit.check()
  const codec = loadCodec("auto")
  const broker = audit.watch(memoryBroker({ hub, group: "gateway" }))
  const gateway = demoGateway({ discord: discord.host, log, broker, codec })
  const proxy = demoProxy({ discord: discord.host, log })
  const users = new Users({ discord, broker: memoryBroker({ hub, group: "users" }), clock })
  const lastsMs = seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1_000
  const story = new Story({ discord, users, clock, paint, write, lost, lastsMs })

  const ending = new AbortController()
  const done = seconds === 0 ? stop : AbortSignal.any([stop, AbortSignal.timeout(lastsMs)])
  done.addEventListener("abort", () => ending.abort(), { once: true })
  const services = runServices(gateway, proxy, ending)
  const proxyUrl = `http://127.0.0.1:${proxy.port}`
  write(introduction(paint, { discord, shards, proxyUrl, seconds }))
  const hideProgress = showProgress(errorTerminal(error), clock, () => audit.progress(gateway))
  const audits = setInterval(lost, AUDIT_INTERVAL_MS)
  const bot = async () => {
    await Promise.all([
      users.listen(ending.signal),
      handleCommands({ broker: memoryBroker({ hub, group: "commands" }), proxy: proxyUrl, log }, ending.signal),
      ready(gateway, ending.signal).then(() => {
        story.tell("gateway", `${shards} shards are ready`)
        return story.play(ending.signal)
      }),
    ])
  }
  const played = bot()
    .then(
      () => null,
      (reason: unknown) => (ending.signal.aborted ? null : reason),
    )
    .finally(() => ending.abort())
  // Together, so that nobody's failure waits for the others to be heard.
  const [failure, end] = await Promise.all([played, services])
  clearInterval(audits)
  hideProgress()
  lost()
  write(summary(paint, { discord, audit, users, story, codec: codec.description }))
  if (end.type === "refused") error.write(`${end.message}\n`)
  if (failure !== null) throw failure
  return end.type === "stopped" && audit.lost === 0 ? EXIT_OK : EXIT_FAILED
}

/** Either's end is the end of both, and of the demo. */
async function runServices(gateway: Gateway, proxy: RestProxy, ending: AbortController): Promise<GatewayEnd> {
  const passing = proxy.run(ending.signal).finally(() => ending.abort())
  const [end] = await Promise.all([gateway.run(ending.signal).finally(() => ending.abort()), passing])
  return end
}

async function ready(gateway: Gateway, signal: AbortSignal): Promise<void> {
  while (!gateway.readiness.ready) await sleep(systemClock, READY_POLL_MS, signal)
}

if (import.meta.main) await runCommand(demo, process.argv.slice(2))
