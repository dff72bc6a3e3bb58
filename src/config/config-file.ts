// Where configuration touches the disk: the service's own file in the working folder, or the one that --config names.

import { readFileSync } from "node:fs"
import { ConfigError } from "./problem.ts"
import type { TomlSource } from "./toml-file.ts"

/**
 * Null when there is no file and none was asked for.
 * @throws ConfigError when it cannot be read.
 */
export function readConfigFile(configFile: string | undefined, defaultName: string): TomlSource | null {
  const name = configFile ?? defaultName
  try {
    return { name, text: readText(name) }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error)
    if (code === "ENOENT" && configFile === undefined) return null
    const message = `cannot be read (${code}): give --config the path of a TOML file.`
    throw new ConfigError([{ place: name, message }])
  }
}

export function readText(path: string): string {
  return readFileSync(path, "utf8")
}
