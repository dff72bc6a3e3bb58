// A part of a bot's shards: a gateway of its own in this thread, which says when the broker has confirmed what was sent.

import { redisBrokerAt } from "../fanout/brokers.ts"
import { REDIS_ENCODING } from "../fanout/settings.ts"
import { type RunningGateway, sink, startGateway } from "../feed/gateway.ts"

export interface Part {
  /** The simulated Discord. */
  readonly host: string
  /** A sink that counts, if empty. */
  readonly redisUrl: string
  readonly shards: { readonly ids: readonly number[]; readonly count: number }
}

export function startPart({ host, redisUrl, shards }: Part): Promise<RunningGateway> {
  const broker = redisUrl === "" ? sink(REDIS_ENCODING) : redisBrokerAt(redisUrl)
  return startGateway({ host, broker, shards })
}
