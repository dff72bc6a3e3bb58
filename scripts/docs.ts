// Writes the tables of settings in docs/configuration.md and docs/proxy.md from the settings themselves: `bun run docs`.
// A table stands between `<!-- settings: KEY, KEY.*, … -->` and `<!-- end of settings -->`; test/scripts/docs.test.ts checks it.

import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describeSettings, type SettingDescription } from "../src/config/describe-settings.ts"
import { GATEWAY_SETTINGS } from "../src/config/gateway-settings.ts"
import { PROXY_SETTINGS } from "../src/config/proxy-settings.ts"
import type { SettingsTable } from "../src/config/settings.ts"

const ROOT = join(import.meta.dir, "..")

export const PAGES_WITH_SETTINGS: readonly (readonly [path: string, settings: SettingsTable])[] = [
  [join(ROOT, "docs/configuration.md"), GATEWAY_SETTINGS],
  [join(ROOT, "docs/proxy.md"), PROXY_SETTINGS],
]

const MARKED = /(<!-- settings: (.+) -->\n)[\s\S]*?(<!-- end of settings -->)/g

/** The page with its tables as they should be. @throws when they do not hold every setting exactly once. */
export function withSettingsTables(page: string, settings: SettingsTable): string {
  const descriptions = describeSettings(settings)
  const shown: string[] = []
  const written = page.replaceAll(MARKED, (_all, start: string, wanted: string, end: string) => {
    const rows = wanted.split(", ").flatMap((pattern) => {
      const chosen = descriptions.filter(({ key }) => matches(key, pattern))
      if (chosen.length === 0) throw new Error(`There is no setting ${pattern}: mend the marker in the page.`)
      return chosen
    })
    shown.push(...rows.map(({ key }) => key))
    return `${start}\n${markdownTable(rows)}\n\n${end}`
  })
  const wrong = descriptions.map(({ key }) => key).filter((key) => shown.filter((one) => one === key).length !== 1)
  if (wrong.length > 0) throw new Error(`${wrong.join(", ")}: name each setting in one marker of the page.`)
  return written
}

/** `shards.*` is every key of that table; `*` is every key. */
function matches(key: string, pattern: string): boolean {
  return pattern.endsWith("*") ? key.startsWith(pattern.slice(0, -1)) : key === pattern
}

function markdownTable(rows: readonly SettingDescription[]): string {
  return [
    "| key | variable | default | what it is |",
    "| --- | --- | --- | --- |",
    ...rows.map(({ key, isOwn, variables, fallback, otherwise, about }) => {
      const name = isOwn ? `\`${key}\` +` : `\`${key}\``
      const standard = fallback === undefined ? otherwise : `\`${fallback}\``
      return `| ${name} | ${variables.map((one) => `\`${one}\``).join(" or ")} |${standard === "" ? "" : ` ${standard}`} | ${about} |`
    }),
  ].join("\n")
}

if (import.meta.main) {
  for (const [path, settings] of PAGES_WITH_SETTINGS) {
    writeFileSync(path, withSettingsTables(readFileSync(path, "utf8"), settings))
  }
}
