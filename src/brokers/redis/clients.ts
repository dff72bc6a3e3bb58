// ioredis, which serves everything that is not hot: consumers, acknowledgements, calls, sessions, the cluster's slots. Its
// clients connect by themselves again and send again what was not answered, so that a restart of Redis needs no code here.

import { isIP } from "node:net"
import { Cluster, Redis } from "ioredis"
import { backoffMs } from "../../flow/backoff.ts"
import type { Clock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import type { RedisAddress, RedisPlace } from "./address.ts"
import { remedyOf } from "./error-replies.ts"

export type Client = Redis | Cluster

export interface ClientOptions {
  readonly place: RedisPlace
  readonly log: Logger
  readonly random: () => number
}

const BACKOFF = { baseMs: 100, capMs: 2_000 } as const
const CONNECT_WITHIN_MS = 5_000
const KEEP_ALIVE_MS = 30_000
/** How often a connection that only listens is asked whether it is there, and how long it may take to answer. */
const LISTENING = { askEveryMs: 10_000, silentMs: 10_000 } as const
/** A sentinel that takes longer to answer is passed over. */
const SENTINEL_WITHIN_MS = 2_000
/** ioredis' way of saying: connect anew, and send the command again. */
const RECONNECT_AND_RESEND = 2

/**
 * A client that connects at its first command.
 * @param purpose for the log: what waits while there is no connection
 * @param silentMs a connection that answers nothing for so long is dropped; null: none is, whatever happens
 */
export function newClient({ place, log, random }: ClientOptions, purpose: string, silentMs: number | null): Client {
  const retryStrategy = (attempt: number) => backoffMs(attempt, BACKOFF, random())
  const client = connectTo(place, commonOptions(silentMs), retryStrategy)
  tellChanges(client, log, purpose)
  return client
}

export interface ListenerOptions extends ClientOptions {
  readonly clock: Clock
  readonly listening?: { readonly askEveryMs: number; readonly silentMs: number }
}

/**
 * A client that only listens, and asks its server now and then whether it is there. Left to itself TCP takes 40 s to notice
 * a server that is gone without a word, and a quarter of an hour where it has not taken what was written last.
 */
export function newListener(options: ListenerOptions, purpose: string): Client {
  const { clock, listening = LISTENING } = options
  const client = newClient(options, purpose, listening.silentMs)
  // Of a cluster ioredis asks another connection than the one that listens.
  if (client.isCluster) return client
  let cancel = (): void => {}
  const ask = () => {
    // Refused or not: it is an answer.
    client.ping().catch(() => {})
    cancel = clock.after(listening.askEveryMs, ask)
  }
  client.on("ready", () => {
    cancel()
    cancel = clock.after(listening.askEveryMs, ask)
  })
  client.on("close", () => cancel())
  return client
}

function commonOptions(silentMs: number | null) {
  return {
    // Version 2 of the protocol: the same arrays from every server.
    protocol: 2,
    lazyConnect: true,
    connectTimeout: CONNECT_WITHIN_MS,
    keepAlive: KEEP_ALIVE_MS,
    maxRetriesPerRequest: null,
    ...(silentMs === null ? {} : { socketTimeout: silentMs }),
    reconnectOnError: (error: Error) => remedyOf(error.message).type === "reconnect" && RECONNECT_AND_RESEND,
  } as const
}

function connectTo(
  place: RedisPlace,
  options: ReturnType<typeof commonOptions>,
  retryStrategy: (attempt: number) => number,
): Client {
  switch (place.type) {
    case "server":
      return new Redis({ ...options, ...loginOf(place.address), ...nodeOf(place.address), retryStrategy })
    case "sentinel":
      return new Redis({
        ...{ ...options, ...loginOf(place.address), ...sentinelOptions(place.sentinels), name: place.master },
        ...{ retryStrategy, sentinelRetryStrategy: retryStrategy },
      })
    case "cluster": {
      const redisOptions = { ...options, ...loginOf(place.seeds[0]) }
      return new Cluster(place.seeds.map(nodeOf), {
        ...{ redisOptions, lazyConnect: true, clusterRetryStrategy: retryStrategy },
      })
    }
  }
}

function sentinelOptions(sentinels: readonly RedisAddress[]) {
  const [first] = sentinels
  return {
    sentinels: sentinels.map(nodeOf),
    sentinelCommandTimeout: SENTINEL_WITHIN_MS,
    ...(first === undefined || first.username === "" ? {} : { sentinelUsername: first.username }),
    ...(first === undefined || first.password === "" ? {} : { sentinelPassword: first.password }),
    ...(first?.tls === true ? { enableTLSForSentinelMode: true, sentinelTLS: tlsOf(first) } : {}),
  }
}

function nodeOf({ hostname, port }: RedisAddress) {
  return { host: hostname, port }
}

function loginOf(address: RedisAddress) {
  const { tls, username, password, database } = address
  return {
    ...(tls ? { tls: tlsOf(address) } : {}),
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
    db: database,
  }
}

/** An IP address is no server name; and where sentinels say who the master is, its name is not known before. */
function tlsOf({ hostname, ca, shownAs }: RedisAddress) {
  const isName = isIP(hostname) === 0 && shownAs === undefined
  return { ...(isName ? { servername: hostname } : {}), ...(ca === undefined ? {} : { ca }) }
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
