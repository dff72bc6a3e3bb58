// The logger of the commands that run a service: it never shows a secret.

import { passwordsOf } from "../config/redis-url.ts"
import { createLogger, type Logger, type LoggerOptions } from "../ops/log.ts"
import { wantsColour } from "./colour.ts"

export interface ServiceLoggerOptions extends Pick<LoggerOptions, "level" | "format" | "write"> {
  readonly tokens: readonly string[]
  /** Their passwords are secrets. */
  readonly urls: readonly string[]
}

export function serviceLogger({ level, format, write, tokens, urls }: ServiceLoggerOptions): Logger {
  return createLogger({
    level,
    format,
    colour: wantsColour(process.stderr),
    secrets: [...tokens, ...urls.flatMap(passwordsOf)].filter((secret) => secret !== ""),
    write,
  })
}
