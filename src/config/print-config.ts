// The effective configuration as a gateway.toml, for `--check`: what the gateway would run with, and why.

import { stringify } from "@iarna/toml"
import type { GatewayConfigReading } from "./read-gateway-config.ts"
import type { PrintedSetting } from "./settings.ts"

/**
 * TOML text; each line says in a comment where its value comes from. The token and passwords are hidden, and settings
 * without a value are left out.
 */
export function printConfig({ config, settings }: GatewayConfigReading): string {
  /** Defaults that depend on other settings. */
  const decided: Readonly<Record<string, unknown>> = {
    "broker.format": config.broker.format,
    "identify.queue": config.identifyQueue.type,
    "log.format": config.log.format,
  }
  return printSettings(settings.list(), decided)
}

/** @param decided defaults that depend on other settings, by key. */
export function printSettings(settings: readonly PrintedSetting[], decided: Readonly<Record<string, unknown>>): string {
  const lines: string[] = []
  let table = ""
  for (const { key, value = decided[key], from } of settings) {
    if (value === undefined) continue
    const [name = key, parent = ""] = key.split(".").reverse()
    if (parent !== table) lines.push("", `[${parent}]`)
    table = parent
    lines.push(`${name} = ${tomlValue(value)} # ${from}`)
  }
  return `${lines.join("\n")}\n`
}

function tomlValue(value: unknown): string {
  // Values come from TOML, or are plain text, numbers and lists of them.
  return stringify.value(value as Parameters<typeof stringify.value>[0])
}
