// Where the configuration touches the disk: gateway.toml, or the file that --config names.

import { readFileSync } from "node:fs"
import { ConfigError } from "./problem.ts"
import { type GatewayConfigReading, readGatewayConfig } from "./read-gateway-config.ts"
import type { Environment } from "./settings.ts"
import type { TomlSource } from "./toml-file.ts"

/** Read when `--config` is not given; it need not exist. */
export const DEFAULT_CONFIG_FILE = "gateway.toml"

export interface GatewayConfigOptions {
  /** What `--config` says. */
  readonly configFile?: string
  readonly env: Environment
  readonly logLevel?: string
  readonly isTerminal: boolean
}

/** @throws ConfigError with every problem at once. */
export function loadGatewayConfig({ configFile, ...rest }: GatewayConfigOptions): GatewayConfigReading {
  return readGatewayConfig({ ...rest, file: readConfigFile(configFile), readText })
}

function readConfigFile(configFile: string | undefined): TomlSource | null {
  const name = configFile ?? DEFAULT_CONFIG_FILE
  try {
    return { name, text: readText(name) }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error)
    if (code === "ENOENT" && configFile === undefined) return null
    const message = `cannot be read (${code}): give --config the path of a TOML file.`
    throw new ConfigError([{ place: name, message }])
  }
}

function readText(path: string): string {
  return readFileSync(path, "utf8")
}
