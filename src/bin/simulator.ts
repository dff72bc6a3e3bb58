#!/usr/bin/env bun
// `spectacles simulator`: a simulated Discord on this machine, for bots that have no token and no network.

import { parseArgs } from "node:util"
import { OperatorError } from "../ops/operator-error.ts"
import type { SimulatorOptions, TrafficRate } from "../simulator/options.ts"
import type { Simulator } from "../simulator/simulator.ts"
import { startSimulator } from "../simulator/start.ts"
import { type Command, EXIT_OK, runCommand, stopSignal } from "./command.ts"

const HELP = `Runs a simulated Discord: the gateway, the REST API with its limits, seeded traffic, and faults on demand.

Usage: bun run simulator [options]

  --host ADDRESS          where to listen (127.0.0.1)
  --port N                REST port, 0 for any free one (7040)
  --gateway-port N        WebSocket port, 0 for any free one (the REST port + 1)
  --shards N              shards that /gateway/bot recommends (1)
  --guilds N              guilds of the bot (10)
  --members N             members of each guild (varied, 5 to 90)
  --rate N|flat-out       events a second for each shard; flat-out: as fast as each client reads (5)
  --seed N                another seed, another world and other traffic (1)
  --token TOKEN           the one token that is accepted (any)
  --max-concurrency N     identifies every 5 s (1)
  --identifies N          identifies a day (1000)
  --heartbeat MS          heartbeat interval (41250)
  --session-lifetime MS   how long a session outlives its connection (180000)
  --no-limits             REST refuses nothing and shows no limits, as for a benchmark
  --no-record             REST requests are counted, not recorded one by one
  --help                  this text

How to break things on purpose is in docs/simulator.md.
`

const DEFAULT_PORT = 7040
const DEFAULT_RATE = 5

export const simulator: Command = async (args) => {
  const options = readFlags(args)
  if (options === undefined) {
    process.stdout.write(HELP)
    return EXIT_OK
  }
  const stop = stopSignal()
  const discord = await startSimulator(options)
  process.stdout.write(greeting(discord, options))
  await stopped(stop)
  await discord.stop()
  return EXIT_OK
}

/** Undefined when help is asked for. */
function readFlags(args: readonly string[]): SimulatorOptions | undefined {
  const flags = parse(args)
  if (flags.help === true) return undefined
  const port = whole("port", flags.port, 0, 65_535) ?? DEFAULT_PORT
  const members = whole("members", flags.members, 1, 100_000)
  return {
    hostname: flags.host ?? "127.0.0.1",
    port,
    gatewayPort: whole("gateway-port", flags["gateway-port"], 0, 65_535) ?? (port === 0 ? 0 : port + 1),
    shards: whole("shards", flags.shards, 1, 100_000) ?? 1,
    guilds: whole("guilds", flags.guilds, 0, 1_000_000) ?? 10,
    rate: readRate(flags.rate),
    seed: whole("seed", flags.seed, 0, Number.MAX_SAFE_INTEGER) ?? 1,
    maxConcurrency: whole("max-concurrency", flags["max-concurrency"], 1, 10_000) ?? 1,
    identifiesPerDay: whole("identifies", flags.identifies, 0, 1_000_000) ?? 1_000,
    heartbeatIntervalMs: whole("heartbeat", flags.heartbeat, 1, 86_400_000) ?? 41_250,
    sessionLifetimeMs: whole("session-lifetime", flags["session-lifetime"], 0, 86_400_000) ?? 180_000,
    limits: { enforced: flags["no-limits"] !== true },
    recordRequests: flags["no-record"] !== true,
    ...(members === undefined ? {} : { membersPerGuild: members }),
    ...(flags.token === undefined ? {} : { token: flags.token }),
  }
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        host: text,
        port: text,
        "gateway-port": text,
        shards: text,
        guilds: text,
        members: text,
        rate: text,
        seed: text,
        token: text,
        "max-concurrency": text,
        identifies: text,
        heartbeat: text,
        "session-lifetime": text,
        "no-limits": { type: "boolean" },
        "no-record": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    })
    return values
  } catch (error) {
    const [reason] = error instanceof Error ? error.message.split(". ") : ["it cannot be read"]
    throw new OperatorError(`Cannot read the command line: ${reason}. See --help.`)
  }
}

function whole(flag: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new OperatorError(`Cannot use --${flag} ${text}: it must be a whole number from ${min} to ${max}.`)
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
  DISCORD_API_SCHEME=http DISCORD_API_HOST=${host} DISCORD_TOKEN=${token === undefined ? "any" : "…"} bun run gateway

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
