// The flags of the commands that run a service.

import { LOG_LEVELS } from "../config/gateway-config.ts"
import type { Flags } from "./command-line.ts"

export const SERVICE_FLAGS = {
  config: { type: "string", value: "FILE", help: "another configuration file" },
  check: { type: "boolean", help: "check the configuration, print what would run, and exit" },
  settings: { type: "boolean", help: "list every setting: its variable, its default, and what it is" },
  loglevel: { type: "string", value: "LEVEL", help: LOG_LEVELS.join(", "), choices: [...LOG_LEVELS, "warning"] },
} as const satisfies Flags
