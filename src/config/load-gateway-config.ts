// Where the configuration touches the disk: gateway.toml, or the file that --config names.

import { readConfigFile, readText } from "./config-file.ts"
import { type GatewayConfigReading, readGatewayConfig } from "./read-gateway-config.ts"
import type { Environment } from "./settings.ts"

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
  return readGatewayConfig({ ...rest, file: readConfigFile(configFile, DEFAULT_CONFIG_FILE), readText })
}
