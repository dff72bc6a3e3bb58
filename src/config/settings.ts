// Settings: what one is, and the values of all of them with their origins. Knows no setting by name: each service brings
// its own table, and `readSettings` fills it in.

import type { z } from "zod"

export interface Setting<T> {
  /** What it is, in Markdown, for the documentation and `--settings`. */
  readonly about: string
  /** True where the original Spectacles service does not have it. */
  readonly isOwn?: boolean
  /** What the documentation says in place of a default: `needed`, `by terminal`. */
  readonly otherwise?: string
  /** Environment variables, the first that is set wins. */
  readonly variables: readonly string[]
  /** The setting whose variables stand for this one too. */
  readonly sharesVariablesOf?: string
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

/** Ordered: a later one wins over an earlier one. */
const ORIGINS = ["default", "file", "environment", "flag"] as const

export type Origin = (typeof ORIGINS)[number]

export interface Found {
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
export interface Finds {
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
