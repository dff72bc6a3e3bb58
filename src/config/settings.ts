// Settings and where their values come from: a flag, the environment, the file, the default; the first that is given wins.
// Knows no setting by name: each service brings its own table.

import type { z } from "zod"
import { didYouMean, editDistance } from "./near-matches.ts"
import type { Report } from "./problem.ts"
import { isTable, type TomlFile, type TomlTable } from "./toml-file.ts"

export interface Setting<T> {
  /** Environment variables, the first that is set wins. */
  readonly variables: readonly string[]
  /** What TOML holds, or a variable's text, to the value. */
  readonly schema: z.ZodType<T>
  /** The default, as a user would write it. */
  readonly fallback?: unknown
  /** The value as it is printed, where that is not the value itself. Called for a value that is not undefined. */
  print?(value: T): unknown
}

/** Settings by their key in the file, such as `broker.type`. */
export type SettingsTable = Readonly<Record<string, Setting<unknown>>>

export type Values<S extends SettingsTable> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never
}

/** A setting that has a value in any case. */
export function setting<T>(given: Setting<T> & { readonly fallback: unknown }): Setting<T> {
  return given
}

/** A setting that may have no value. */
export function optional<T>(given: Setting<T>): Setting<T | undefined> {
  return given
}

export type Environment = Readonly<Record<string, string | undefined>>

export interface Sources {
  readonly file: TomlFile | undefined
  readonly env: Environment
  /** Values of command-line flags, by the setting's key. */
  readonly flags: Readonly<Record<string, { readonly flag: string; readonly value: string } | undefined>>
}

/** Ordered: a later one wins over an earlier one. */
const ORIGINS = ["default", "file", "environment", "flag"] as const

export type Origin = (typeof ORIGINS)[number]

interface Found {
  readonly origin: Origin
  readonly place: string
  readonly raw: unknown
}

export interface PrintedSetting {
  readonly key: string
  /** Undefined: it has none. */
  readonly value: unknown
  /** `default`, or the place where it was set. */
  readonly from: string
}

/** What was found for each key, by key. */
interface Finds {
  readonly given: ReadonlyMap<string, Found>
  readonly blank: ReadonlyMap<string, Found>
  readonly rejected: ReadonlySet<string>
}

/** The settings of one run: values, and where each came from. */
export class Settings<S extends SettingsTable> {
  readonly values: Values<S>
  readonly #table: S
  readonly #finds: Finds
  readonly #file: string | undefined

  constructor(table: S, values: Values<S>, finds: Finds, file: string | undefined) {
    this.#table = table
    this.values = values
    this.#finds = finds
    this.#file = file
  }

  /** Every setting in the table's order, with its value as it is printed. */
  list(): readonly PrintedSetting[] {
    return Object.entries(this.#table).map(([key, own]) => {
      const value: unknown = this.values[key]
      const origin = this.origin(key)
      return {
        key,
        value: value === undefined ? value : (own.print?.(value) ?? value),
        from: origin === "default" ? origin : this.place(key),
      }
    })
  }

  /** True when somebody set it, even to something invalid. */
  isGiven(key: keyof S & string): boolean {
    return this.origin(key) !== "default"
  }

  /** True when it was set to something invalid, which is reported already; its value is the default then. */
  isRejected(key: keyof S & string): boolean {
    return this.#finds.rejected.has(key)
  }

  origin(key: keyof S & string): Origin {
    return this.#finds.given.get(key)?.origin ?? "default"
  }

  /** Where it was set, even to nothing; else where it could be. */
  place(key: keyof S & string): string {
    const found = this.#finds.given.get(key) ?? this.#finds.blank.get(key)
    return found?.place ?? this.#file ?? "environment"
  }

  /** True when `key` was given in a source that wins over the one of `other`. */
  winsOver(key: keyof S & string, other: keyof S & string): boolean {
    return ORIGINS.indexOf(this.origin(key)) > ORIGINS.indexOf(this.origin(other))
  }
}

/**
 * Reads every setting. An invalid one is reported and stands at its default, so that reading can go on and find the rest.
 */
export function readSettings<S extends SettingsTable>(table: S, sources: Sources, report: Report): Settings<S> {
  const values: Record<string, unknown> = {}
  const given = new Map<string, Found>()
  const blank = new Map<string, Found>()
  const rejected = new Set<string>()
  for (const [key, { schema, fallback, variables }] of Object.entries(table)) {
    if (fallback !== undefined) values[key] = schema.parse(fallback)
    const finds = find(key, variables, sources)
    const found = finds.find(({ raw }) => !isBlank(raw))
    const empty = finds[0]
    if (empty !== undefined && found === undefined) blank.set(key, empty)
    if (found === undefined) continue
    given.set(key, found)
    const result = schema.safeParse(found.raw)
    if (result.success) values[key] = result.data
    else {
      rejected.add(key)
      reportIssues(key, found, result.error.issues, sources, report)
    }
  }
  if (sources.file !== undefined) reportUnknownKeys(table, sources.file, report)
  warnOfNearVariables(table, sources.env, report)
  // The loop above has parsed each value by its own schema.
  return new Settings(table, values as Values<S>, { given, blank, rejected }, sources.file?.name)
}

/** Every source's value, the winning one first. */
function find(key: string, variables: readonly string[], { file, env, flags }: Sources): readonly Found[] {
  const found: Found[] = []
  const flag = flags[key]
  if (flag !== undefined) found.push({ origin: "flag", place: flag.flag, raw: flag.value })
  for (const name of variables) {
    if (env[name] !== undefined) found.push({ origin: "environment", place: name, raw: env[name] })
  }
  const path = key.split(".")
  const raw = file === undefined ? undefined : valueAt(file.root, path)
  if (file !== undefined && raw !== undefined) found.push({ origin: "file", place: file.place(path), raw })
  return found
}

/** Empty text is the same as nothing: Docker Compose sets variables to it, and the original took it so in its file. */
function isBlank(raw: unknown): boolean {
  return typeof raw === "string" && raw.trim() === ""
}

function valueAt(table: TomlTable, path: readonly string[]): unknown {
  let value: unknown = table
  for (const key of path) value = isTable(value) ? value[key] : undefined
  return value
}

function reportIssues(
  key: string,
  { origin, place }: Found,
  issues: readonly z.core.$ZodIssue[],
  { file }: Sources,
  report: Report,
): void {
  for (const { path, message } of issues) {
    const within = path.map((part) => (typeof part === "number" ? part : String(part)))
    const where = origin === "file" && file !== undefined ? file.place([...key.split("."), ...within]) : place
    const name = within.reduce<string>(
      (text, part) => text + (typeof part === "number" ? `[${part}]` : `.${part}`),
      key,
    )
    report.problem(where, `${name} ${message}`)
  }
}

function reportUnknownKeys(table: SettingsTable, file: TomlFile, report: Report): void {
  const keys = Object.keys(table)
  const tables = new Set(keys.flatMap((key) => (key.includes(".") ? [key.slice(0, key.indexOf("."))] : [])))
  const unknown = (path: readonly string[]) => {
    const name = path.join(".")
    const last = path.at(-1) ?? ""
    const misplaced = path.length > 1 && Object.hasOwn(table, last)
    const hint = misplaced
      ? ` ${last} belongs above the first [table] of the file.`
      : didYouMean(name, path.length > 1 ? keys : [...keys, ...tables])
    report.problem(file.place(path), `${name} is not a setting.${hint}`)
  }
  for (const [key, value] of Object.entries(file.root)) {
    if (Object.hasOwn(table, key)) continue
    if (!tables.has(key)) unknown([key])
    else if (!isTable(value)) report.problem(file.place([key]), `${key} is not a table: write [${key}] above its keys.`)
    else for (const inner of Object.keys(value)) if (!Object.hasOwn(table, `${key}.${inner}`)) unknown([key, inner])
  }
}

/** Shorter names are too near to variables that have nothing to do with us. */
const MIN_VARIABLE_LENGTH = 8
const MAX_VARIABLE_DISTANCE = 2

/** The environment is shared, so an unknown variable is no error; one letter off ours it deserves a word. */
function warnOfNearVariables(table: SettingsTable, env: Environment, report: Report): void {
  const known = Object.values(table).flatMap(({ variables }) => variables)
  for (const name of Object.keys(env)) {
    if (known.includes(name)) continue
    const meant = known.find(
      (one) =>
        one.length >= MIN_VARIABLE_LENGTH &&
        Math.abs(one.length - name.length) <= MAX_VARIABLE_DISTANCE &&
        editDistance(one, name) <= MAX_VARIABLE_DISTANCE,
    )
    if (meant !== undefined) report.warn(name, `is not a variable of this program. Did you mean ${meant}?`)
  }
}
