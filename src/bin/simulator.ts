#!/usr/bin/env bun
// `spectacles simulator`: a simulated Discord on this machine, for bots that have no token and no network.

import { OperatorError } from "../ops/operator-error.ts"
import type { SimulatorOptions, TrafficRate } from "../simulator/options.ts"
import type { Simulator } from "../simulator/simulator.ts"
import { startSimulator } from "../simulator/start.ts"
import { callOf, command, EXIT_OK, runCommand, stopSignal } from "./command.ts"
import { type CommandLine, type Given, wholeNumber } from "./command-line.ts"

const LINE = {
  name: "simulator",
  about: `Runs a simulated Discord: the gateway, the REST API with its limits, seeded traffic, and faults on demand. How to break
things on purpose is in docs/simulator.md.`,
  flags: {
    host: { type: "string", value: "ADDRESS", help: "where to listen (127.0.0.1)" },
    port: { type: "string", value: "N", help: "REST port, 0 for any free one (7040)" },
    "gateway-port": { type: "string", value: "N", help: "WebSocket port, 0 for any free one (the REST port + 1)" },
    shards: { type: "string", value: "N", help: "shards that /gateway/bot recommends (1)" },
    guilds: { type: "string", value: "N", help: "guilds of the bot (10)" },
    members: { type: "string", value: "N", help: "members of each guild (varied, 5 to 90)" },
    rate: {
      type: "string",
      value: "N|flat-out",
      help: "events a second for each shard; flat-out: as fast as each client reads (5)",
    },
    seed: { type: "string", value: "N", help: "another seed, another world and other traffic (1)" },
    token: { type: "string", value: "TOKEN", help: "the one token that is accepted (any)" },
    "max-concurrency": { type: "string", value: "N", help: "identifies every 5 s (1)" },
    identifies: { type: "string", value: "N", help: "identifies a day (1000)" },
    heartbeat: { type: "string", value: "MS", help: "heartbeat interval (41250)" },
    "session-lifetime": { type: "string", value: "MS", help: "how long a session outlives its connection (180000)" },
    "no-limits": { type: "boolean", help: "REST refuses nothing and shows no limits, as for a benchmark" },
    "no-record": { type: "boolean", help: "REST requests are counted, not recorded one by one" },
  },
  examples: [
    { what: "a bot of two shards, with a lot going on", line: "spectacles simulator --shards 2 --rate 100" },
    {
      what: "the gateway, connected to it",
      line: "DISCORD_API_SCHEME=http DISCORD_API_HOST=127.0.0.1:7040 DISCORD_TOKEN=any DISCORD_EVENTS=MESSAGE_CREATE DISCORD_INTENTS=GUILDS,GUILD_MESSAGES spectacles gateway",
    },
  ],
} as const satisfies CommandLine

const DEFAULT_PORT = 7040
const MAX_PORT = 65_535
const DEFAULT_RATE = 5

export const simulator = command(LINE, async ({ flags }) => {
  const options = optionsOf(flags)
  const stop = stopSignal()
  const discord = await startSimulator(options)
  process.stdout.write(greeting(discord, options))
  await stopped(stop)
  await discord.stop()
  return EXIT_OK
})

function optionsOf(flags: Given<typeof LINE.flags>): SimulatorOptions {
  const port = wholeNumber("port", flags.port, 0, MAX_PORT) ?? DEFAULT_PORT
  const members = wholeNumber("members", flags.members, 1, 100_000)
  return {
    hostname: flags.host ?? "127.0.0.1",
    port,
    gatewayPort: wholeNumber("gateway-port", flags["gateway-port"], 0, MAX_PORT) ?? portBehind(port),
    shards: wholeNumber("shards", flags.shards, 1, 100_000) ?? 1,
    guilds: wholeNumber("guilds", flags.guilds, 0, 1_000_000) ?? 10,
    rate: readRate(flags.rate),
    seed: wholeNumber("seed", flags.seed, 0, Number.MAX_SAFE_INTEGER) ?? 1,
    maxConcurrency: wholeNumber("max-concurrency", flags["max-concurrency"], 1, 10_000) ?? 1,
    identifiesPerDay: wholeNumber("identifies", flags.identifies, 0, 1_000_000) ?? 1_000,
    heartbeatIntervalMs: wholeNumber("heartbeat", flags.heartbeat, 1, 86_400_000) ?? 41_250,
    sessionLifetimeMs: wholeNumber("session-lifetime", flags["session-lifetime"], 0, 86_400_000) ?? 180_000,
    limits: { enforced: flags["no-limits"] !== true },
    recordRequests: flags["no-record"] !== true,
    ...(members === undefined ? {} : { membersPerGuild: members }),
    ...(flags.token === undefined ? {} : { token: flags.token }),
  }
}

/** Where the gateway listens unless `--gateway-port` says otherwise. */
function portBehind(port: number): number {
  if (port === 0) return 0
  if (port < MAX_PORT) return port + 1
  throw new OperatorError(
    `Cannot use --port ${port} alone: no port is behind it for the gateway; give --gateway-port too.`,
  )
}

function readRate(text: string | undefined): TrafficRate {
  if (text === undefined) return DEFAULT_RATE
  if (text === "flat-out") return text
  const rate = Number(text)
  if (text !== "" && rate >= 0 && rate <= 1_000_000) return rate
  throw new OperatorError(`Cannot use --rate ${text}: it must be a number of events a second, or flat-out.`)
}

function greeting({ url, host, gatewayUrl, world }: Simulator, { rate, shards, token }: SimulatorOptions): string {
  return `A simulated Discord with ${world.guildIds.length} guilds runs: REST ${url}/api/v10, gateway ${gatewayUrl}
  shards recommended: ${shards}, events a second and shard: ${rate}, token: ${token === undefined ? "any" : "the one given"}

Connect the gateway from another terminal:
  DISCORD_API_SCHEME=http DISCORD_API_HOST=${host} DISCORD_TOKEN=${token === undefined ? "any" : "…"} \\
    DISCORD_EVENTS=MESSAGE_CREATE DISCORD_INTENTS=GUILDS,GUILD_MESSAGES ${callOf("gateway")}

Make it go wrong:
  curl -X POST ${url}/simulator/faults -d '{"type":"reconnect"}'

Ctrl-C ends it.
`
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener("abort", () => resolve(), { once: true })
  })
}

if (import.meta.main) await runCommand(simulator, process.argv.slice(2))
