#!/usr/bin/env bun
// The one executable: `spectacles gateway`, `spectacles proxy`, … Called by a link with a command's name, it is that
// command. A command's code is loaded when it is called: `--version` need not wait for a simulator.

import { basename } from "node:path"
import { didYouMean } from "../config/near-matches.ts"
import { OperatorError } from "../ops/operator-error.ts"
import { painter, wantsColour } from "./colour.ts"
import { type DescribedCommand, EXIT_OK, runCommand, versionLine } from "./command.ts"

interface Entry {
  readonly summary: string
  readonly load: () => Promise<DescribedCommand>
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  gateway: {
    summary: "holds a Discord bot's shards and publishes its events to a broker",
    load: async () => (await import("./gateway.ts")).gateway,
  },
  proxy: {
    summary: "one rate limiter in front of Discord's REST API, for every service and bot",
    load: async () => (await import("./proxy.ts")).proxy,
  },
  demo: {
    summary: "simulated Discord, gateway, handler and proxy in one terminal, with no token",
    load: async () => (await import("./demo.ts")).demo,
  },
  simulator: {
    summary: "Discord, simulated: a gateway to test bots against, offline",
    load: async () => (await import("./simulator.ts")).simulator,
  },
  init: {
    summary: "writes a gateway.toml, from questions or flags",
    load: async () => (await import("./init.ts")).init,
  },
  doctor: {
    summary: "checks token, intents, broker and machine, and says what to do",
    load: async () => (await import("./doctor.ts")).doctor,
  },
  shards: {
    summary: "shows every shard of the bot, and who runs it",
    load: async () => (await import("./steer.ts")).shards,
  },
  drain: {
    summary: "lets a gateway hand over all its shards",
    load: async () => (await import("./steer.ts")).drain,
  },
  move: {
    summary: "lets a shard go to another gateway",
    load: async () => (await import("./steer.ts")).move,
  },
  restart: {
    summary: "lets a shard connect anew and resume",
    load: async () => (await import("./steer.ts")).restart,
  },
  reshard: {
    summary: "gives a running bot another number of shards",
    load: async () => (await import("./reshard.ts")).reshard,
  },
  health: {
    summary: "asks the service that runs beside it whether it still answers",
    load: async () => (await import("./health.ts")).health,
  },
}

const COMPLETION: Entry = {
  summary: "completion for bash, zsh or fish",
  load: async () => {
    const { completionOf } = await import("./completion.ts")
    const others = Object.values(COMMANDS)
    return completionOf(
      await Promise.all(others.map(async ({ summary, load }) => ({ summary, line: (await load()).line }))),
    )
  },
}

const ALL = { ...COMMANDS, completion: COMPLETION } as const satisfies Readonly<Record<string, Entry>>

async function spectacles([name = "--help", ...args]: readonly string[]): Promise<number> {
  switch (name) {
    case "--help":
    case "-h":
    case "help":
      process.stdout.write(helpText())
      return EXIT_OK
    case "--version":
    case "-V":
    case "version":
      process.stdout.write(`${versionLine()}\n`)
      return EXIT_OK
    default:
      return (await entryNamed(name).load())(args)
  }
}

function entryNamed(name: string): Entry {
  const entry = Object.entries(ALL).find(([known]) => known === name)?.[1]
  if (entry !== undefined) return entry
  const near = didYouMean(name, Object.keys(ALL))
  throw new OperatorError(`Cannot run "${name}": there is no such command.${near} See spectacles --help.`)
}

function helpText(): string {
  const paint = painter(wantsColour(process.stdout))
  const width = Math.max(...Object.keys(ALL).map((name) => name.length)) + 2
  const rows = Object.entries(ALL).map(([name, { summary }]) => `  ${name.padEnd(width)}${summary}`)
  return `${paint("bold", "Usage:")} spectacles <command> [options]

${paint("bold", "Commands:")}
${rows.join("\n")}

${paint("bold", "Options:")}
  --help      this text; with a command, that command's
  --version   the version, what it was built from, and which codec runs
`
}

const calledAs = basename(process.argv0, ".exe")
const args = process.argv.slice(2)
await runCommand(spectacles, Object.hasOwn(COMMANDS, calledAs) ? [calledAs, ...args] : args)
