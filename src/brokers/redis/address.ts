// Where a Redis server is and how to log in, from its URL.

import { OperatorError } from "../../ops/operator-error.ts"

const DEFAULT_PORT = 6_379
const MAX_DATABASE = 2 ** 31

export interface RedisAddress {
  readonly hostname: string
  readonly port: number
  readonly tls: boolean
  /** Empty: none. A password without a user name is the default user's. */
  readonly username: string
  readonly password: string
  readonly database: number
}

/**
 * Reads `redis://user:password@host:port/database`, or `rediss://` for TLS.
 * @throws OperatorError when the path is no database; the scheme and host were checked with the configuration.
 */
export function parseRedisUrl(text: string): RedisAddress {
  const url = new URL(text)
  const path = url.pathname.replace(/^\//, "")
  const database = path === "" ? 0 : Number(path)
  if (!Number.isInteger(database) || database < 0 || database > MAX_DATABASE) {
    throw new OperatorError(
      `Cannot use the database "${path}" of ${url.host}: write its number, as in redis://${url.host}/0.`,
    )
  }
  return {
    // An IPv6 address stands in brackets.
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    tls: url.protocol === "rediss:",
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database,
  }
}

/** For logs and errors: without the password. */
export function describeAddress({ hostname, port, tls }: RedisAddress): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname
  return `${tls ? "rediss" : "redis"}://${host}:${port}`
}

/**
 * All addresses of a configuration: one, or some of a cluster's servers.
 * @throws OperatorError when one names no database.
 */
export function addressesOf(urls: readonly string[]): readonly [RedisAddress, ...RedisAddress[]] {
  const [first, ...rest] = urls.map(parseRedisUrl)
  if (first === undefined) throw new OperatorError("Cannot connect to Redis: set redis.url.")
  return [first, ...rest]
}
