// What a table of settings tells those who write a configuration: the rows of the documentation and of `--settings`.

import type { SettingsTable } from "./settings.ts"

export interface SettingDescription {
  readonly key: string
  readonly isOwn: boolean
  readonly variables: readonly string[]
  /** As a user would write it; undefined where there is none. */
  readonly fallback: string | undefined
  /** What stands in a default's place, such as `needed`; else empty. */
  readonly otherwise: string
  /** Markdown. */
  readonly about: string
}

export function describeSettings(table: SettingsTable): readonly SettingDescription[] {
  return Object.entries(table).map(([key, own]) => ({
    key,
    isOwn: own.isOwn ?? false,
    variables: own.sharesVariablesOf === undefined ? own.variables : (table[own.sharesVariablesOf]?.variables ?? []),
    fallback: own.fallback === undefined ? undefined : String(own.fallback),
    otherwise: own.otherwise ?? "",
    about: own.about,
  }))
}

/** For a terminal: each setting's key, variables and default in one line, and below it what it is. */
export function settingsText(table: SettingsTable): string {
  return describeSettings(table)
    .map(({ key, variables, fallback, otherwise, about }) => {
      const standard = fallback === undefined ? otherwise : `default ${fallback}`
      const facts = [variables.join(" or "), standard].filter((fact) => fact !== "")
      return `${key}  (${facts.join(", ")})\n${wrapped(withoutMarkdown(about))}\n`
    })
    .join("\n")
}

function withoutMarkdown(text: string): string {
  return text.replaceAll(/\[([^\]]+)\]\(([^)]+)\)/g, "$1").replaceAll("`", "")
}

const TEXT_WIDTH = 96

function wrapped(text: string): string {
  const lines: string[] = []
  let line = ""
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > TEXT_WIDTH) {
      lines.push(line)
      line = ""
    }
    line = line === "" ? word : `${line} ${word}`
  }
  return [...lines, line].map((one) => `    ${one}`).join("\n")
}
