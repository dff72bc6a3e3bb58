// A TOML file with the line of each of its keys.

import { parse } from "@iarna/toml"
import type { Report } from "./problem.ts"
import { type TomlPath, tomlLines } from "./toml-lines.ts"

export interface TomlSource {
  readonly name: string
  readonly text: string
}

export interface TomlFile {
  readonly name: string
  readonly root: TomlTable
  /** `gateway.toml:12` for the path, or for the nearest part of it that the file holds. */
  place(path: TomlPath): string
}

export interface TomlTable {
  readonly [key: string]: unknown
}

/** Undefined when the text is not TOML; the report says where. */
export function readToml({ name, text }: TomlSource, report: Report): TomlFile | undefined {
  const source = text.startsWith("\uFEFF") ? text.slice(1) : text
  try {
    const root: TomlTable = parse(source)
    const lines = tomlLines(source)
    return {
      name,
      root,
      place(path) {
        for (let length = path.length; length > 0; length -= 1) {
          const line = lines.get(JSON.stringify(path.slice(0, length)))
          if (line !== undefined) return `${name}:${line}`
        }
        return name
      },
    }
  } catch (error) {
    const { line, sentence } = syntaxError(error)
    report.problem(line === undefined ? name : `${name}:${line}`, `is not valid TOML: ${sentence}.`)
    return undefined
  }
}

export function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

/** The parser's message goes on to quote the line, which may hold the token: only its first part is kept. */
function syntaxError(error: unknown): { readonly line: number | undefined; readonly sentence: string } {
  if (!(error instanceof Error) || !("fromTOML" in error)) throw error
  const line = "line" in error && typeof error.line === "number" ? error.line + 1 : undefined
  return { line, sentence: error.message.split(/ at row \d+/, 1)[0]?.replaceAll("\n", " ") ?? "" }
}
