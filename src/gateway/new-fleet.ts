// The fleet of a gateway, from what the gateway was given and what Discord said.

import { DEFAULT_DECODER_LIMITS } from "../codec/decoder.ts"
import type { Compression } from "../discord/gateway-url.ts"
import { DEFAULT_DELIVERY_LIMITS } from "./delivery-options.ts"
import { Fleet } from "./fleet.ts"
import type { GatewayParts } from "./gateway-parts.ts"
import type { IdentifyQueueOptions } from "./identify/identify-queue.ts"
import { memoryIdentifyQueue } from "./identify/memory-queue.ts"
import type { UnitEvents } from "./shard-unit.ts"

export interface NewFleetOptions extends Pick<IdentifyQueueOptions, "startLimit" | "onBudget"> {
  readonly parts: GatewayParts
  readonly gatewayUrl: string
  readonly compression: Compression
  /** The names that are counted, the published ones among them. */
  readonly events: readonly string[]
  readonly on: UnitEvents
}

export function newFleet({ parts, compression, startLimit, onBudget, ...options }: NewFleetOptions): Fleet {
  const { config, codec, broker, dial, clock, random, soon, log, identifyQueue = memoryIdentifyQueue } = parts
  const { events } = options
  const wanted = new Set(config.events)
  return new Fleet({
    ...options,
    query: { version: config.gatewayVersion, compression },
    identity: { token: () => config.token.reveal(), intents: config.intents, presence: config.presence },
    decoder: (shard) =>
      codec.decoder({
        ...{ compression, events, wanted, shard },
        encoding: broker.encoding,
        limits: DEFAULT_DECODER_LIMITS,
      }),
    identify: identifyQueue({
      clock,
      random,
      startLimit,
      reserve: config.identifyReserve,
      onWait: (reason, delayMs) => log.warn({}, `no shard may identify for ${Math.ceil(delayMs / 1_000)} s: ${reason}`),
      onBudget,
    }),
    ...{ broker, dial, clock, random, soon, log },
    limits: DEFAULT_DELIVERY_LIMITS,
  })
}
