// ioredis, which serves everything that is not hot: consumers, acknowledgements, calls, sessions, the cluster's slots. Its
// clients connect by themselves again and send again what was not answered, so that a restart of Redis needs no code here.

import { isIP } from "node:net"
import { Cluster, Redis } from "ioredis"
import { backoffMs } from "../../flow/backoff.ts"
import type { Logger } from "../../ops/log.ts"
import type { RedisAddress } from "./address.ts"
import { remedyOf } from "./error-replies.ts"

export type Client = Redis | Cluster

export interface ClientOptions {
  /** One, or some of a cluster's. */
  readonly addresses: readonly [RedisAddress, ...RedisAddress[]]
  readonly log: Logger
  readonly random: () => number
}

const BACKOFF = { baseMs: 100, capMs: 2_000 } as const
const CONNECT_WITHIN_MS = 5_000
const KEEP_ALIVE_MS = 30_000
/** ioredis' way of saying: connect anew, and send the command again. */
const RECONNECT_AND_RESEND = 2

/**
 * A client that connects at its first command.
 * @param purpose for the log: what waits while there is no connection
 * @param silentMs a connection that answers nothing for so long is dropped; null: one that only listens
 */
export function newClient({ addresses, log, random }: ClientOptions, purpose: string, silentMs: number | null): Client {
  const retryStrategy = (attempt: number) => backoffMs(attempt, BACKOFF, random())
  const [first] = addresses
  const options = {
    ...loginOf(first),
    // Version 2 of the protocol: the same arrays from every server.
    protocol: 2,
    lazyConnect: true,
    connectTimeout: CONNECT_WITHIN_MS,
    keepAlive: KEEP_ALIVE_MS,
    maxRetriesPerRequest: null,
    ...(silentMs === null ? {} : { socketTimeout: silentMs }),
    reconnectOnError: (error: Error) => remedyOf(error.message).type === "reconnect" && RECONNECT_AND_RESEND,
  } as const
  const nodes = addresses.map(({ hostname, port }) => ({ host: hostname, port }))
  const client: Client =
    addresses.length === 1
      ? new Redis({ ...options, ...nodes[0], retryStrategy })
      : new Cluster(nodes, { redisOptions: options, lazyConnect: true, clusterRetryStrategy: retryStrategy })
  tellChanges(client, log, purpose)
  return client
}

function loginOf({ hostname, tls, username, password, database }: RedisAddress) {
  return {
    ...(tls ? { tls: serverNameOf(hostname) } : {}),
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
    db: database,
  }
}

/** An address is no server name. */
function serverNameOf(hostname: string) {
  return isIP(hostname) === 0 ? { servername: hostname } : {}
}

/** Says once that the connection is gone, and once that it is back. Without a listener for errors ioredis prints them. */
function tellChanges(client: Client, log: Logger, purpose: string): void {
  let isLost = false
  client.on("error", (error: Error) => {
    if (isLost) return
    isLost = true
    log.warn({ reason: error.message || String(error) }, `No connection to Redis for ${purpose}: trying again`)
  })
  client.on("ready", () => {
    if (isLost) log.info({}, `Connected to Redis again for ${purpose}`)
    isLost = false
  })
}
