// Where Redis is and how to log in, from its URLs: one server, a cluster, or a master that sentinels know.

import { isSentinelUrl, parseSentinelUrl } from "../../config/redis-url.ts"
import { decodedPart } from "../../config/url-part.ts"
import { OperatorError } from "../../ops/operator-error.ts"
import type { Permit } from "./write-guard.ts"

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
  /** The authority of its certificate, PEM. Absent: the system's. */
  readonly ca?: string
  /** What the connection is called on the server. Absent: nothing. */
  readonly connectionName?: string
  /** Given to the connection when it logs in. Absent: it needs none. */
  readonly permit?: Permit
  /** What logs and errors call it, where that is not its address. */
  readonly shownAs?: string
}

export interface ServerPlace {
  readonly type: "server"
  readonly address: RedisAddress
}

export interface ClusterPlace {
  readonly type: "cluster"
  /** Some of its servers. */
  readonly seeds: readonly [RedisAddress, ...RedisAddress[]]
}

export interface SentinelPlace {
  readonly type: "sentinel"
  /** At least one. */
  readonly sentinels: readonly RedisAddress[]
  /** What they call the master. */
  readonly master: string
  /** How to log in to the master; where it is, the sentinels say. */
  readonly address: RedisAddress
}

export type RedisPlace = ServerPlace | ClusterPlace | SentinelPlace

export interface RedisLocation {
  /** One server, some of a cluster's, or one URL of sentinels. With scheme; user, password and database as in the URL. */
  readonly urls: readonly string[]
  /** The authority of the servers' certificates, PEM. */
  readonly ca?: string
  /** Whether one URL is a cluster's (mode.ts asks). Several are in any case. */
  readonly isCluster?: boolean
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
    username: decodedPart(url.username),
    password: decodedPart(url.password),
    database,
  }
}

/**
 * Where the URLs of a configuration lead.
 * @throws OperatorError when one names no database, or there is none.
 */
export function placeOf({ urls, ca, isCluster = false }: RedisLocation): RedisPlace {
  const authority = ca === undefined ? {} : { ca }
  const [only = ""] = urls
  if (urls.length === 1 && isSentinelUrl(only)) return sentinelPlace(only, authority)
  const [first, ...rest] = urls.map((url) => ({ ...parseRedisUrl(url), ...authority }))
  if (first === undefined) throw new OperatorError("Cannot connect to Redis: set redis.url.")
  return isCluster || rest.length > 0
    ? { type: "cluster", seeds: [first, ...rest] }
    : { type: "server", address: first }
}

function sentinelPlace(url: string, authority: Pick<RedisAddress, "ca">): SentinelPlace {
  const parsed = parseSentinelUrl(url)
  if (parsed === undefined) {
    throw new OperatorError("Cannot connect to Redis: write the sentinels as redis+sentinel://one:26379,two/mymaster.")
  }
  const { tls, master, username, password, database, sentinelUsername, sentinelPassword } = parsed
  const common = { tls, ...authority }
  const hosts = parsed.sentinels.map(({ hostname, port }) => hostOf(hostname, port)).join(",")
  return {
    type: "sentinel",
    master,
    sentinels: parsed.sentinels.map((sentinel) => ({
      ...{ ...common, ...sentinel, username: sentinelUsername, password: sentinelPassword, database: 0 },
    })),
    address: {
      ...{ ...common, hostname: master, port: DEFAULT_PORT, username, password, database },
      shownAs: `${tls ? "rediss" : "redis"}+sentinel://${hosts}/${master}`,
    },
  }
}

/** For logs and errors: without the password. */
export function describeAddress({ hostname, port, tls, shownAs }: RedisAddress): string {
  return shownAs ?? `${tls ? "rediss" : "redis"}://${hostOf(hostname, port)}`
}

export function describePlace(place: RedisPlace): string {
  return place.type === "cluster" ? place.seeds.map(describeAddress).join(", ") : describeAddress(place.address)
}

function hostOf(hostname: string, port: number): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`
}
