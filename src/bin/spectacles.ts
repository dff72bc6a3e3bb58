#!/usr/bin/env bun
// The one executable: `spectacles gateway`, `spectacles proxy`, … Called by a link with a command's name, it is that
// command. A command's code is loaded when it is called: `--version` need not wait for a simulator.

import { basename } from "node:path"
import { didYouMean } from "../config/near-matches.ts"
import { OperatorError } from "../ops/operator-error.ts"
import { type Command, EXIT_OK, runCommand, versionLine } from "./command.ts"

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  gateway: async () => (await import("./gateway.ts")).gateway,
  proxy: async () => (await import("./proxy.ts")).proxy,
  simulator: async () => (await import("./simulator.ts")).simulator,
  demo: async () => (await import("./demo.ts")).demo,
  health: async () => (await import("./health.ts")).health,
}

const HELP = `Usage: spectacles <command> [options]

Commands:
  gateway     holds a Discord bot's shards and publishes its events to a broker
  proxy       one rate limiter in front of Discord's REST API, for every service and bot
  simulator   Discord, simulated: a gateway to test bots against, offline
  demo        simulator and gateway together, to see events stream with no token
  health      whether the gateway or the proxy on this machine still answers

Options:
  --help      this text; with a command, that command's
  --version   the version, what it was built from, and which codec runs
`

const spectacles: Command = async ([name = "--help", ...args]) => {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (load !== undefined) return (await load())(args)
  switch (name) {
    case "--help":
    case "-h":
    case "help":
      process.stdout.write(HELP)
      return EXIT_OK
    case "--version":
    case "-V":
    case "version":
      process.stdout.write(`${versionLine()}\n`)
      return EXIT_OK
    default: {
      const near = didYouMean(name, Object.keys(COMMANDS))
      throw new OperatorError(`Cannot run "${name}": there is no such command.${near} See spectacles --help.`)
    }
  }
}

const calledAs = basename(process.argv0, ".exe")
const args = process.argv.slice(2)
await runCommand(spectacles, Object.hasOwn(COMMANDS, calledAs) ? [calledAs, ...args] : args)
