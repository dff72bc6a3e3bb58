// What the broker asks of the user's Redis client: `new Redis()` of ioredis 4, 5 or 6 fits. Commands go by name, in
// lower case, so that the client of each version knows their replies.

export type Argument = string | Buffer | number

export interface RedisClient {
  call(...args: [command: string, ...args: Argument[]]): Promise<unknown>
  callBuffer(...args: [command: string, ...args: Argument[]]): Promise<unknown>
  duplicate(override?: Readonly<Record<string, unknown>>): RedisClient
  disconnect(reconnect?: boolean): void
  psubscribe(...patterns: string[]): Promise<unknown>
  punsubscribe(...patterns: string[]): Promise<unknown>
  on(event: string, listener: (...args: never[]) => void): unknown
}

/**
 * A connection of our own. It waits for Redis as long as that takes, where the user's client gives up a command after
 * some reconnects; and it keeps to the protocol whose replies look the same with every version.
 */
export function ownConnection(redis: RedisClient, onError: (error: Error) => void): RedisClient {
  const connection = redis.duplicate({ maxRetriesPerRequest: null, protocol: 2 })
  connection.on("error", onError)
  return connection
}

/** Whether Redis answered with this error: `BUSYGROUP`, `NOGROUP`, … */
export function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.startsWith(code)
}
