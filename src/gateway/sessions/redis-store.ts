// Sessions in Redis, one key a shard: `{prefix}:{shard}` holds the session as JSON, so that `redis-cli GET gateway:0` shows
// it. Where events are published to Redis too, the values ride in the same pipeline (brokers/redis/values.ts).

import type { RedisValues } from "../../brokers/redis/values.ts"
import type { SessionStore } from "./session.ts"
import { parseSession } from "./stored-session.ts"

export interface RedisSessionStoreOptions {
  readonly values: RedisValues
  /** What the keys begin with. */
  readonly prefix: string
  /** Told of a key that holds no session: that shard identifies. */
  readonly onUnreadable: (key: string, reason: string) => void
}

export function redisSessionStore({ values, prefix, onUnreadable }: RedisSessionStoreOptions): SessionStore {
  const keyOf = (shard: number) => `${prefix}:${shard}`
  return {
    async load(shard) {
      const key = keyOf(shard)
      const text = await values.get(key)
      if (text === null) return null
      const session = parseSession(text)
      if (session?.shard === shard) return session
      onUnreadable(key, session === null ? "it holds no session" : `it is shard ${session.shard}'s`)
      return null
    },
    save: (sessions) => values.set(new Map(sessions.map((session) => [keyOf(session.shard), JSON.stringify(session)]))),
    drop: (shard) => values.delete(keyOf(shard)),
    close: () => values.close(),
  }
}
