// What the commands that run a service share: their flags, and a logger that never shows a secret.

import { parseArgs } from "node:util"
import { passwordsOf } from "../config/redis-url.ts"
import { createLogger, type Logger, type LoggerOptions } from "../ops/log.ts"
import { OperatorError } from "../ops/operator-error.ts"

/** @throws OperatorError for a flag that the command does not have. */
export function readServiceArguments(command: string, args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        config: { type: "string" },
        check: { type: "boolean" },
        loglevel: { type: "string" },
        version: { type: "boolean", short: "V" },
        help: { type: "boolean", short: "h" },
      },
    })
    return values
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new OperatorError(`${reason} See spectacles ${command} --help.`)
  }
}

export interface ServiceLoggerOptions extends Pick<LoggerOptions, "level" | "format" | "write"> {
  readonly tokens: readonly string[]
  /** Their passwords are secrets. */
  readonly urls: readonly string[]
}

export function serviceLogger({ level, format, write, tokens, urls }: ServiceLoggerOptions): Logger {
  return createLogger({
    level,
    format,
    colour: process.stderr.isTTY && process.env["NO_COLOR"] === undefined,
    secrets: [...tokens, ...urls.flatMap(passwordsOf)].filter((secret) => secret !== ""),
    write,
  })
}
