// What the broker asks of the user's Redis client: `new Redis()` or `new Cluster()` of ioredis 4, 5 or 6 fits. Commands go by
// name, in lower case, so that the client of each version knows their replies.

export type Argument = string | Buffer | number

export interface RedisClient {
  /** Streams lie on several servers. */
  readonly isCluster?: boolean
  call(...args: [command: string, ...args: Argument[]]): Promise<unknown>
  callBuffer(...args: [command: string, ...args: Argument[]]): Promise<unknown>
  /** With changed options, which a cluster takes as its second argument. */
  duplicate(...overrides: never[]): RedisClient
  disconnect(reconnect?: boolean): void
  psubscribe(...patterns: string[]): Promise<unknown>
  punsubscribe(...patterns: string[]): Promise<unknown>
  on(event: string, listener: (...args: unknown[]) => void): unknown
}

/**
 * A connection of our own. It waits for Redis as long as that takes, where the user's client gives up a command after
 * some reconnects; and it keeps to the protocol whose replies look the same with every version.
 */
export function ownConnection(redis: RedisClient, onError: (error: Error) => void): RedisClient {
  const options = { maxRetriesPerRequest: null, protocol: 2 }
  // Only the client knows its own options' type.
  const overrides = (redis.isCluster === true ? [[], { redisOptions: options }] : [options]) as never[]
  const connection = redis.duplicate(...overrides)
  connection.on("error", (error) => onError(error instanceof Error ? error : new Error(String(error))))
  return connection
}

/** Whether Redis answered with this error: `BUSYGROUP`, `NOGROUP`, … */
export function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.startsWith(code)
}
