// Publishing to whoever is master: the sentinels are asked before every connection, so that whatever ends one (the master
// dies, or is a replica now and answers READONLY) leads to the new master.
// Source: Redis' documentation, Guidelines for Redis clients with support for Redis Sentinel.

import { Redis } from "ioredis"
import { describeAddress, type RedisAddress, type SentinelPlace } from "./address.ts"
import type { Connect, ConnectionEvents, RedisConnection } from "./connection.ts"
import { text } from "./entries.ts"

/** A sentinel that takes longer is passed over. */
const ANSWER_WITHIN_MS = 1_000

type Ask = (sentinel: RedisAddress, master: string) => Promise<unknown>

/** Connects to the master, wherever it is by now. @param ask a sentinel's reply to get-master-addr-by-name */
export function throughSentinels(place: SentinelPlace, connect: Connect, ask: Ask = askSentinel): Connect {
  return (address, events) => new MasterConnection(events, findMaster(place, ask), address, connect)
}

/**
 * Asks one sentinel after another.
 * @throws Error that says what each of them did instead of naming the master.
 */
export async function findMaster(
  { sentinels, master }: SentinelPlace,
  ask: Ask = askSentinel,
): Promise<{ readonly hostname: string; readonly port: number }> {
  const failures: string[] = []
  for (const sentinel of sentinels) {
    try {
      const reply = await ask(sentinel, master)
      if (Array.isArray(reply)) return { hostname: text(reply[0]), port: Number(reply[1]) }
      failures.push(`${describeAddress(sentinel)} knows no master "${master}"`)
    } catch (error) {
      failures.push(`${describeAddress(sentinel)}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  throw new Error(`no sentinel names the master: ${failures.join("; ")}`)
}

async function askSentinel(sentinel: RedisAddress, master: string): Promise<unknown> {
  const { hostname, port, tls, ca, username, password } = sentinel
  const client = new Redis({
    ...{ host: hostname, port, protocol: 2, lazyConnect: true, enableReadyCheck: false },
    ...{ connectTimeout: ANSWER_WITHIN_MS, commandTimeout: ANSWER_WITHIN_MS, retryStrategy: () => null },
    ...(tls ? { tls: ca === undefined ? {} : { ca } } : {}),
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
  })
  let reason: Error | null = null
  client.on("error", (error) => {
    reason ??= error
  })
  try {
    return await client.call("SENTINEL", ["get-master-addr-by-name", master])
  } catch (error) {
    // The command fails because the connection does, which says why.
    throw reason ?? error
  } finally {
    client.disconnect()
  }
}

class MasterConnection implements RedisConnection {
  readonly #events: ConnectionEvents
  #inner: RedisConnection | null = null
  #closed = false

  constructor(events: ConnectionEvents, found: ReturnType<typeof findMaster>, address: RedisAddress, connect: Connect) {
    this.#events = events
    found.then(
      (master) => {
        if (!this.#closed) this.#inner = connect({ ...address, ...master }, events)
      },
      (error: unknown) => this.close(error instanceof Error ? error.message : String(error)),
    )
  }

  /** Called from `ready` on, when there is a master. */
  write(bytes: Uint8Array): void {
    this.#inner?.write(bytes)
  }

  close(reason: string): void {
    if (this.#inner !== null) return this.#inner.close(reason)
    if (this.#closed) return
    this.#closed = true
    this.#events.closed(reason)
  }
}
