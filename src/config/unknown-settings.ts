// Names that are no setting: in the file an error, since it is ours alone; in the environment a warning, and only when
// the name is a letter or two off one of ours.

import { didYouMean, editDistance } from "./near-matches.ts"
import type { Report } from "./problem.ts"
import type { Environment, SettingsTable } from "./settings.ts"
import { isTable, type TomlFile } from "./toml-file.ts"

export function reportUnknownKeys(table: SettingsTable, file: TomlFile, report: Report): void {
  const keys = Object.keys(table)
  const tables = new Set(keys.flatMap((key) => (key.includes(".") ? [key.slice(0, key.indexOf("."))] : [])))
  const unknown = (path: readonly string[]) => {
    const name = path.join(".")
    const last = path.at(-1) ?? ""
    const misplaced = path.length > 1 && Object.hasOwn(table, last)
    let hint = didYouMean(name, path.length > 1 ? keys : [...keys, ...tables])
    if (misplaced) hint = ` ${last} belongs above the first [table] of the file.`
    if (Object.hasOwn(table, name)) hint = " Write it without quotes."
    report.problem(file.place(path), `${name} is not a setting.${hint}`)
  }
  for (const [key, value] of Object.entries(file.root)) {
    if (!key.includes(".") && Object.hasOwn(table, key)) continue
    if (!tables.has(key)) unknown([key])
    else if (!isTable(value)) report.problem(file.place([key]), `${key} is not a table: write [${key}] above its keys.`)
    else for (const inner of Object.keys(value)) if (!Object.hasOwn(table, `${key}.${inner}`)) unknown([key, inner])
  }
}

/** Shorter names are too near to variables that have nothing to do with us. */
const MIN_VARIABLE_LENGTH = 8
const MAX_VARIABLE_DISTANCE = 2

export function warnOfNearVariables(table: SettingsTable, env: Environment, report: Report): void {
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
