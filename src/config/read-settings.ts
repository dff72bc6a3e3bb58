// Reads settings from a flag, the environment, the file or the default: the first that is given wins.

import type { z } from "zod"
import type { Report } from "./problem.ts"
import { type Environment, type Found, Settings, type SettingsTable, type Values } from "./settings.ts"
import { isTable, type TomlFile, type TomlTable } from "./toml-file.ts"
import { reportUnknownKeys, warnOfNearVariables } from "./unknown-settings.ts"

export interface Sources {
  readonly file: TomlFile | undefined
  readonly env: Environment
  /** Values of command-line flags, by the setting's key. */
  readonly flags: Readonly<Record<string, { readonly flag: string; readonly value: string } | undefined>>
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
