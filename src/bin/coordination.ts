// What the processes of a bot share through Redis, built: identify slots, and being seen and steered.

import { placeOf, type RedisLocation, type RedisPlace } from "../brokers/redis/address.ts"
import { type Client, newClient, newListener } from "../brokers/redis/clients.ts"
import { ASK_WITHIN_MS, isCluster } from "../brokers/redis/mode.ts"
import type { GatewayConfig, RedisConfig } from "../config/gateway-config.ts"
import { systemClock } from "../flow/clock.ts"
import { settlesWithin } from "../flow/deadline.ts"
import type { IdentifyQueue, IdentifyQueueOptions } from "../gateway/identify/identify-queue.ts"
import { memoryIdentifyQueue } from "../gateway/identify/memory-queue.ts"
import { type ClosableIdentifyQueue, sharedIdentifyQueue } from "../gateway/identify/redis/queue.ts"
import { redisLine } from "../gateway/identify/redis/redis-line.ts"
import type { SteeredNode } from "../gateway/steering/node.ts"
import { announcePresence } from "../gateway/steering/redis/presence.ts"
import { redisSteering } from "../gateway/steering/redis/steering.ts"
import { type Steering, soleSteering } from "../gateway/steering/steering.ts"
import type { FleetMetrics } from "../ops/fleet-metrics.ts"
import { type Logger, silentLogger } from "../ops/log.ts"

/** A connection that answers nothing for so long is dropped. */
const SILENT_MS = 10_000
/** How long taking the report away may hold up the end of the process. */
const CLOSE_WITHIN_MS = 500

export interface Coordination {
  readonly identifyQueue: (options: IdentifyQueueOptions) => IdentifyQueue
  /** Lets operators see and steer this process. */
  present(node: SteeredNode): Presented
}

export interface Presented {
  /** All processes of the bot, as far as this one can know of them. */
  readonly steering: Steering
  close(): Promise<void>
}

export interface CoordinationOptions {
  readonly config: GatewayConfig
  /** This process among those of the bot. */
  readonly node: string
  readonly metrics: FleetMetrics
  readonly log: Logger
  readonly locate: (redis: RedisConfig) => Promise<RedisLocation>
}

/** The Redis in which a bot's processes meet, and what their keys begin with; null: they do not. */
export function meetingPlaceOf({ shardStore, identifyQueue }: GatewayConfig): MeetingPlace | null {
  if (shardStore.type === "redis") return shardStore
  return identifyQueue.type === "redis" ? identifyQueue : null
}

export interface MeetingPlace {
  readonly prefix: string
  readonly redis: RedisConfig
}

export async function newCoordination(options: CoordinationOptions): Promise<Coordination> {
  const { config, node, metrics, log, locate } = options
  const meeting = meetingPlaceOf(config)
  if (meeting === null) {
    const alone = (steered: SteeredNode) => ({ steering: soleSteering(steered), close: async () => {} })
    return { identifyQueue: memoryIdentifyQueue, present: alone }
  }
  const { prefix } = meeting
  const { commands, subscriber } = meetingClients(placeOf(await locate(meeting.redis)), log)
  const queues: ClosableIdentifyQueue[] = []
  const sharedQueue = (queue: IdentifyQueueOptions) => {
    const shared = sharedIdentifyQueue({
      ...queue,
      process: node,
      line: (onWake) => redisLine({ commands, subscriber, prefix, process: node, onWake }),
      on: { granted: (waitedMs) => metrics.slotGranted(waitedMs), givenBack: () => metrics.slotReturned() },
    })
    queues.push(shared)
    return shared
  }
  return {
    identifyQueue: config.identifyQueue.type === "redis" ? sharedQueue : memoryIdentifyQueue,
    present(steered) {
      const presence = announcePresence({ node: steered, commands, subscriber, prefix, clock: systemClock, log })
      return {
        steering: steeringOver(commands, subscriber, prefix),
        async close() {
          // What Redis does not answer in time lapses by itself.
          await settlesWithin(systemClock, CLOSE_WITHIN_MS, presence.close()).catch(() => false)
          for (const queue of queues) queue.close()
          commands.disconnect()
          subscriber.disconnect()
        },
      }
    },
  }
}

/** Connections for small commands, and to listen. */
export interface MeetingClients {
  readonly commands: Client
  readonly subscriber: Client
}

/**
 * The same for a command at a terminal.
 * @throws OperatorError when Redis does not answer.
 */
export async function reachMeeting({ urls, ca }: RedisConfig): Promise<MeetingClients> {
  const location = { urls: urls.map((url) => url.reveal()), ...(ca === undefined ? {} : { ca }) }
  const asking = { clock: systemClock, random: Math.random, log: silentLogger, withinMs: ASK_WITHIN_MS }
  const mode = await isCluster(location, { ...asking, signal: new AbortController().signal })
  return meetingClients(placeOf({ ...location, isCluster: mode }), silentLogger)
}

/** Made at their first use. */
export function meetingClients(place: RedisPlace, log: Logger): MeetingClients {
  const connecting = { place, log, random: Math.random, clock: systemClock }
  return {
    commands: newClient(connecting, "identify slots and operators", SILENT_MS),
    subscriber: newListener(connecting, "orders and turns"),
  }
}

export function steeringOver(commands: Client, subscriber: Client, prefix: string): Steering {
  return redisSteering({ commands, subscriber, prefix, clock: systemClock, newId: () => crypto.randomUUID() })
}
