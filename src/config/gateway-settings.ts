// Every setting of the gateway: its key in gateway.toml, its environment variables, its rule, its default, and what it is.
// `bun run docs` writes the tables of docs/configuration.md from it.

import { BOT_SETTINGS } from "./bot-settings.ts"
import { BROKER_SETTINGS } from "./broker-settings.ts"
import { formatDuration } from "./duration.ts"
import { LOG_LEVELS } from "./gateway-config.ts"
import { formatListenAddress, parseListenAddress } from "./listen-address.ts"
import { optional, type Settings, setting } from "./settings.ts"
import { SHARD_SETTINGS } from "./shard-settings.ts"
import { choice, duration, integer, parsed, secret } from "./values.ts"

const API_VERSION = 10
const MAX_API_VERSION = 99

/** Who may steer the gateway need not reach it from elsewhere: that has to be asked for. */
const LOOPBACK = "127.0.0.1"
/** Not to be guessed. */
const ADMIN_TOKEN_LENGTH = 16

/** As they are printed: keys outside of tables first, as TOML wants them. */
export const GATEWAY_SETTINGS = {
  ...BOT_SETTINGS,
  codec: setting({
    isOwn: true,
    about: "`native` (the Rust addon), `portable` (no addon, slower), or `auto`: native where it is built.",
    variables: ["SPECTACLES_CODEC"],
    schema: choice(["auto", "native", "portable"]),
    fallback: "auto",
  }),
  shutdown_timeout: setting({
    isOwn: true,
    about: "How long the gateway may take to stop after SIGTERM or SIGINT.",
    variables: ["SHUTDOWN_TIMEOUT"],
    schema: duration(),
    fallback: "10s",
    print: formatDuration,
  }),
  ...SHARD_SETTINGS,
  "api.scheme": setting({
    about: "`https` or `http`.",
    variables: ["DISCORD_API_SCHEME", "DISCORD_API_PROTOCOL"],
    schema: choice(["https", "http"]),
    fallback: "https",
  }),
  "api.host": setting({
    about: "A host, with a port if need be: `localhost:3000`.",
    variables: ["DISCORD_API_HOST"],
    schema: parsed('write a host without scheme and path, such as "discord.com" or "localhost:3000".', apiHost),
    fallback: "discord.com",
  }),
  "api.version": setting({
    about: "The version of Discord's REST API.",
    variables: ["DISCORD_API_VERSION"],
    schema: integer(1, MAX_API_VERSION),
    fallback: API_VERSION,
  }),
  ...BROKER_SETTINGS,
  "prometheus.address": optional({
    about:
      "Where to serve metrics, `/healthz`, `/readyz` and `/shards`: `:8080`, `127.0.0.1:8080`, `[::1]:9000`, `8080`. Without it, nothing is served.",
    variables: ["PROMETHEUS_ADDRESS"],
    schema: parsed('write where to listen, such as ":8080", "127.0.0.1:8080" or "[::1]:8080".', (value) =>
      typeof value === "string" || typeof value === "number" ? parseListenAddress(String(value)) : undefined,
    ),
    print: (address) => (address === undefined ? undefined : formatListenAddress(address)),
  }),
  "prometheus.endpoint": setting({
    about: "The path of the metrics.",
    variables: ["PROMETHEUS_ENDPOINT"],
    schema: parsed('write a path such as "/metrics", other than /healthz, /readyz and /shards.', metricsPath),
    fallback: "/metrics",
  }),
  "admin.address": optional({
    isOwn: true,
    about:
      "Where operators see and steer the shards over HTTP. `:8081` is `127.0.0.1:8081`; write `0.0.0.0:8081` to be reached from elsewhere. Needs `admin.token`; see [operations.md](operations.md#seeing-and-steering-shards).",
    variables: ["ADMIN_ADDRESS"],
    schema: parsed('write where to listen, such as "127.0.0.1:8081" or ":8081".', (value) =>
      typeof value === "string" || typeof value === "number" ? parseListenAddress(String(value), LOOPBACK) : undefined,
    ),
    print: (address) => (address === undefined ? undefined : formatListenAddress(address)),
  }),
  "admin.token": optional({
    isOwn: true,
    about: "What callers show as `Authorization: Bearer …`, at least 16 characters.",
    variables: ["ADMIN_TOKEN"],
    schema: secret(ADMIN_TOKEN_LENGTH),
    print: String,
  }),
  "log.level": setting({
    isOwn: true,
    about: "`trace`, `debug`, `info`, `warn` (or `warning`), `error`, `fatal`. The flag `--loglevel` wins over it.",
    variables: ["LOG_LEVEL"],
    schema: choice(LOG_LEVELS, { warning: "warn" }),
    fallback: "info",
  }),
  "log.format": optional({
    isOwn: true,
    otherwise: "by terminal",
    about: "`pretty` on a terminal, else `json`. Logs go to standard error.",
    variables: ["LOG_FORMAT"],
    schema: choice(["pretty", "json"]),
  }),
} as const

export type GatewaySettings = Settings<typeof GATEWAY_SETTINGS>

function apiHost(value: unknown): string | undefined {
  if (typeof value !== "string" || !URL.canParse(`http://${value}`)) return undefined
  const host = value.trim()
  return /^[^/?#@\s]+$/.test(host) ? host : undefined
}

/** Paths that the health server answers by itself. */
const TAKEN_PATHS = ["/healthz", "/readyz", "/shards"]

function metricsPath(value: unknown): string | undefined {
  return typeof value === "string" && /^\/[^\s?#]*$/.test(value) && !TAKEN_PATHS.includes(value) ? value : undefined
}
