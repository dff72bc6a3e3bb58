// Small values under keys of their own, such as sessions: one string each, replaced as a whole.

import { type Clock, systemClock } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import type { Logger } from "../../ops/log.ts"
import { OperatorError } from "../../ops/operator-error.ts"
import { describePlace, placeOf, type RedisLocation, type RedisPlace } from "./address.ts"
import { type Client, newClient } from "./clients.ts"

export interface RedisValues {
  /** @throws OperatorError when Redis cannot be reached. */
  get(key: string): Promise<string | null>
  /** Resolves once every value is stored; waits while Redis cannot be reached. */
  set(values: ReadonlyMap<string, string>): Promise<void>
  delete(key: string): Promise<void>
  close(): Promise<void>
}

/** How long reading waits for Redis: it happens at the start, when a wrong URL is to be told. */
const READ_WITHIN_MS = 10_000
/** No command of values takes long. */
const SILENT_MS = 10_000

export interface RedisValuesOptions extends RedisLocation {
  readonly log: Logger
  readonly clock?: Clock
  readonly random?: () => number
}

/** Values over a connection of their own, for whoever publishes elsewhere. It is made at the first use. */
export function redisValues(options: RedisValuesOptions): RedisValues {
  const { log, clock = systemClock, random = Math.random } = options
  const place = placeOf(options)
  const client = newClient({ place, log, random }, "sessions", SILENT_MS)
  return {
    get: (key) => readValue(client, key, { clock, place }),
    async set(values) {
      await Promise.all([...values].map(([key, value]) => client.set(key, value)))
    },
    async delete(key) {
      await client.del(key)
    },
    close: async () => client.disconnect(),
  }
}

/** @throws OperatorError when Redis does not answer, or refuses. */
export async function readValue(
  client: Client,
  key: string,
  { clock, place }: { readonly clock: Clock; readonly place: RedisPlace },
): Promise<string | null> {
  const reading = client.get(key)
  const cannot = (reason: string) =>
    new OperatorError(`Cannot read ${key} from Redis at ${describePlace(place)}: ${reason}. Check redis.url.`)
  let isInTime = false
  try {
    isInTime = await settlesWithin(clock, READ_WITHIN_MS, reading)
  } catch (error) {
    throw cannot(error instanceof Error ? error.message : String(error))
  }
  if (!isInTime) {
    reading.catch(() => {})
    throw cannot(`no answer within ${READ_WITHIN_MS / 1_000} s`)
  }
  return await reading
}
