// Sees every entry of some streams from now on, as no member of any group.

import { type Clock, sleep } from "../../flow/clock.ts"
import type { RedisClient } from "./client.ts"
import { type Entry, list, readEntries, text } from "./entry.ts"

const COUNT = 100
/** How often a read that found nothing begins anew. */
const BLOCK_MS = 5_000
const RETRY_DELAY_MS = 1_000

export interface WatchOptions {
  /** The user's client. */
  readonly redis: RedisClient
  /** Makes a connection for reading alone. */
  readonly connect: () => RedisClient
  readonly events: readonly string[]
  readonly onEntry: (entry: Entry) => void
  readonly onError: (error: unknown) => void
  readonly clock: Clock
}

/** Resolves once whatever is published is seen, to what ends it. */
export async function watchStreams(options: WatchOptions): Promise<() => void> {
  const { redis, connect, events } = options
  // A read covers streams of one server; where there are several, each stream has a connection of its own.
  const groups = redis.isCluster === true ? events.map((event) => [event]) : [events]
  const ends = await Promise.all(groups.map((group) => watchTogether({ ...options, events: group }, connect())))
  return () => {
    for (const end of ends) end()
  }
}

async function watchTogether(options: WatchOptions, connection: RedisClient): Promise<() => void> {
  const after = new Map(
    await Promise.all(options.events.map(async (event) => [event, await newest(connection, event)] as const)),
  )
  const stop = new AbortController()
  void follow(options, connection, after, stop.signal)
  return () => {
    stop.abort()
    connection.disconnect(false)
  }
}

/** The id of a stream's newest entry. */
async function newest(connection: RedisClient, event: string): Promise<string> {
  const [entry] = list(await connection.call("xrevrange", event, "+", "-", "COUNT", 1))
  return entry === undefined ? "0-0" : text(list(entry)[0])
}

async function follow(
  options: WatchOptions,
  connection: RedisClient,
  after: Map<string, string>,
  stop: AbortSignal,
): Promise<void> {
  const { onError, clock } = options
  while (!stop.aborted) {
    try {
      const from = ["COUNT", COUNT, "BLOCK", BLOCK_MS, "STREAMS", ...after.keys(), ...after.values()]
      const entries = readEntries(await connection.callBuffer("xread", ...from))
      if (stop.aborted) return
      for (const entry of entries) {
        after.set(entry.event, entry.entryId)
        see(entry, options)
      }
    } catch (error) {
      if (stop.aborted) return
      onError(error)
      await sleep(clock, RETRY_DELAY_MS, stop).catch(() => {})
    }
  }
}

/** One that cannot be read does not keep the others from being seen. */
function see(entry: Entry, { onEntry, onError }: WatchOptions): void {
  try {
    onEntry(entry)
  } catch (error) {
    onError(error)
  }
}
