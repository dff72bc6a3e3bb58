// The certificates of the authority that a server's own is signed by, from the file that a setting names.

import type { Report } from "./problem.ts"
import { type ReadText, tryToRead } from "./read-text.ts"

type Key = "redis.ca_file" | "amqp.ca_file"

/** Of either service. */
interface ServiceSettings {
  readonly values: Readonly<Record<Key, string | undefined>>
  place(key: Key): string
}

/** PEM; undefined where the setting has no value, or names a file that is no good, which is reported. */
export function authorityOf(
  key: Key,
  settings: ServiceSettings,
  readText: ReadText,
  report: Report,
): string | undefined {
  const path = settings.values[key]
  if (path === undefined) return undefined
  const { content, failure } = tryToRead(path, readText)
  const found = failure ?? (content.includes("-----BEGIN ") ? null : "it is not PEM")
  if (found === null) return content
  report.problem(
    settings.place(key),
    `${key} ${path} cannot be used (${found}): give the path of a certificate in PEM.`,
  )
  return undefined
}
