// Structured logs: one JSON object a line, or readable text on a terminal. Every line is cleaned of the secrets before it
// leaves the process. Written in process, with no worker thread, so that it works in a compiled executable.

import pino from "pino"
import { prettyFactory } from "pino-pretty"
import { secretCleaner } from "./secrets.ts"

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What a line says beside its message: `{ shard: 3, session: "…", reason: "zombie" }`. An error goes under `err`. */
export type LogFields = Readonly<Record<string, unknown>>

/** What every layer logs to. Fields first, then one sentence. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger
}

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: "pretty" | "json"
  /** Colours in pretty lines. */
  readonly colour: boolean
  /** Texts that never appear in a line, wherever they stand in it: the token, passwords. */
  readonly secrets: readonly string[]
  /** Takes one finished line with its newline. Must not throw. */
  readonly write: (line: string) => void
}

/** A logger over pino. Nothing is buffered: when a call returns, its line was handed to `write`. */
export function createLogger({ level, format, colour, secrets, write }: LoggerOptions): Logger {
  const clean = secretCleaner(secrets)
  const pretty =
    format === "pretty"
      ? prettyFactory({ colorize: colour, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l", singleLine: true })
      : undefined
  const destination = {
    write(line: string) {
      const cleaned = clean(line)
      write(pretty === undefined ? cleaned : pretty(cleaned))
    },
  }
  const formatters = { level: (label: string) => ({ level: label }) }
  return pino({ level, base: null, formatters, timestamp: pino.stdTimeFunctions.isoTime }, destination)
}

/** A logger that says nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
}
