// `spectacles init`: writes a gateway.toml from questions on a terminal, or from flags where there is none.

import { chmodSync, existsSync, writeFileSync } from "node:fs"
import { readText } from "../config/config-file.ts"
import { DEFAULT_CONFIG_FILE } from "../config/load-gateway-config.ts"
import { ConfigError, formatProblem, type Problem } from "../config/problem.ts"
import { readGatewayConfig } from "../config/read-gateway-config.ts"
import { commaSeparated } from "../config/values.ts"
import { OperatorError } from "../ops/operator-error.ts"
import { callOf, command, EXIT_OK, EXIT_SIGNALLED } from "./command.ts"
import { type CommandLine, type Given, mistake } from "./command-line.ts"
import { type Answers, BROKERS, DEFAULT_URLS, gatewayToml, intentsFor } from "./init/answers.ts"
import { tokenFault } from "./init/faults.ts"

const OWNER_ALONE = 0o600

const LINE = {
  name: "init",
  about: `Writes gateway.toml for a bot: its token, the events it wants, the intents they need, and the broker they go to. Asks on a
terminal; where there is none, the flags have to say it. The file is readable by its owner alone.`,
  flags: {
    token: {
      type: "string",
      value: "TOKEN",
      help: "the bot's token; better in DISCORD_TOKEN, where ps does not show it",
    },
    events: { type: "string", value: "A,B", help: "events to publish" },
    intents: { type: "string", value: "A,B", help: "intents to ask for (those that the events need)" },
    broker: { type: "string", value: "TYPE", help: "stdio, redis or amqp (stdio)", choices: BROKERS },
    url: { type: "string", value: "URL", help: "where the broker is (on this machine)" },
    config: { type: "string", value: "FILE", help: "another file than gateway.toml" },
    force: { type: "boolean", help: "replace the file if there is one" },
  },
  examples: [
    { what: "with questions", line: "spectacles init" },
    {
      what: "without",
      line: 'DISCORD_TOKEN="your token" spectacles init --events MESSAGE_CREATE --broker redis --url redis://localhost:6379',
    },
  ],
} as const satisfies CommandLine

export const init = command(LINE, async ({ flags }) => {
  const file = flags.config ?? DEFAULT_CONFIG_FILE
  if (existsSync(file) && flags.force !== true) throw alreadyThere(file)
  const known = knownAnswers(flags)
  const answers = canAsk() ? await askFor(known) : completed(known)
  if (answers === null) return EXIT_SIGNALLED
  const fault = tokenFault(answers.token)
  if (fault !== undefined) throw new OperatorError(`Cannot write ${file}: ${fault}`)
  const text = gatewayToml(answers)
  const warnings = check(file, text)
  write(file, text, flags.force === true)
  for (const warning of warnings) process.stderr.write(`warning: ${formatProblem(warning)}\n`)
  const named = flags.config === undefined ? "" : ` --config ${file}`
  process.stdout.write(
    `${file} is written. See what is missing:  ${callOf("doctor")}${named}\nThen start:  ${callOf("gateway")}${named}\n`,
  )
  return EXIT_OK
})

function knownAnswers({ token, events, intents, broker, url }: Given<typeof LINE.flags>): Partial<Answers> {
  const secret = token ?? process.env["DISCORD_TOKEN"]
  const type = BROKERS.find((one) => one === broker)
  if (url !== undefined && (type === undefined || type === "stdio")) {
    throw mistake(LINE, "--url is where the broker is, and no broker is named: add --broker redis or --broker amqp")
  }
  return {
    ...(secret === undefined || secret === "" ? {} : { token: secret.trim() }),
    ...(events === undefined ? {} : { events: commaSeparated(events) }),
    ...(intents === undefined ? {} : { intents: commaSeparated(intents) }),
    ...(type === undefined ? {} : { broker: type }),
    ...(url === undefined ? {} : { url }),
  }
}

function canAsk(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY
}

/** Null when the person gave up. */
async function askFor(known: Partial<Answers>): Promise<Answers | null> {
  const { ask, GivenUpError } = await import("./init/questions.ts")
  try {
    return await ask(known)
  } catch (error) {
    if (!(error instanceof GivenUpError)) throw error
    process.stderr.write("Nothing was written.\n")
    return null
  }
}

/** @throws OperatorError with what flags have to say where nobody can be asked. */
function completed({
  token,
  events,
  intents,
  broker = "stdio",
  url = DEFAULT_URLS[broker],
}: Partial<Answers>): Answers {
  const missing = [
    ...(token === undefined ? ["DISCORD_TOKEN or --token"] : []),
    ...(events === undefined ? ["--events"] : []),
  ]
  if (token === undefined || events === undefined) {
    throw mistake(LINE, `there is no terminal to ask on, so give ${missing.join(", and ")}`)
  }
  return { token, events, intents: intents ?? intentsFor(events), broker, ...(url === undefined ? {} : { url }) }
}

/**
 * Holds the file against the rules of every configuration.
 * @throws OperatorError with every problem of it.
 */
function check(file: string, text: string): readonly Problem[] {
  try {
    return readGatewayConfig({ file: { name: file, text }, env: {}, isTerminal: true, readText }).warnings
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new OperatorError(`Cannot write ${file}: ${error.problems.map(({ message }) => message).join(" ")}`)
  }
}

function write(file: string, text: string, replaces: boolean): void {
  try {
    writeFileSync(file, text, { flag: replaces ? "w" : "wx", mode: OWNER_ALONE })
    // The mode above holds for a new file alone.
    chmodSync(file, OWNER_ALONE)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error)
    if (code === "EEXIST") throw alreadyThere(file)
    throw new OperatorError(`Cannot write ${file} (${code}): name a file that can be written with --config.`)
  }
}

function alreadyThere(file: string): OperatorError {
  return new OperatorError(
    `Cannot write ${file}: it is there already; --force replaces it, --config FILE writes another.`,
  )
}
