#!/usr/bin/env bun
// The one executable: `spectacles gateway`, `spectacles proxy`, `spectacles simulator`, `spectacles demo`.

import { OperatorError } from "../ops/operator-error.ts"
import { type Command, EXIT_OK, runCommand, versionLine } from "./command.ts"
import { demo } from "./demo.ts"
import { gateway } from "./gateway.ts"
import { proxy } from "./proxy.ts"
import { simulator } from "./simulator.ts"

const COMMANDS: Readonly<Record<string, Command>> = { gateway, proxy, simulator, demo }

const HELP = `Usage: spectacles <command> [options]

Commands:
  gateway     holds a Discord bot's shards and publishes its events to a broker
  proxy       one rate limiter in front of Discord's REST API, for every service and bot
  simulator   Discord, simulated: a gateway to test bots against, offline
  demo        simulator and gateway together, to see events stream with no token

Options:
  --help      this text; with a command, that command's
  --version   the version, and which codec runs
`

const spectacles: Command = async ([name = "--help", ...args]) => {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command !== undefined) return command(args)
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
    default:
      throw new OperatorError(
        `Cannot run "${name}": the commands are ${Object.keys(COMMANDS).join(", ")}; see spectacles --help.`,
      )
  }
}

await runCommand(spectacles, process.argv.slice(2))
