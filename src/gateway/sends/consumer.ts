// Packets from the broker to the shards. Acknowledged once written to the socket or refused for good, so that nothing is
// redelivered for ever.
//   event "SEND":          {guild_id, packet: {op, d}}   the shard follows from the guild
//   event "3":             {op, d}                       the shard is the event
//   event "gateway_send":  {payload: {op, d}, shardId}   discord.js' form, where the broker speaks it
// What comes for a shard of another process is published again under that shard's id, which its owner reads. Where shards move,
// so is what comes for a shard that has just left.

import type { Broker, Delivery } from "../../brokers/broker.ts"
import { shardOf } from "../../discord/snowflake.ts"
import { aborted } from "../../flow/aborted.ts"
import type { Clock } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import { Slots } from "../../flow/slots.ts"
import type { Logger } from "../../ops/log.ts"
import type { SendResult } from "./queue.ts"
import {
  type Checked,
  checkPacket,
  isRecord,
  type Refusal,
  refuse,
  type SendablePacket,
  snowflakeText,
} from "./rules.ts"

export const SEND_EVENT = "SEND"
export const DISCORDJS_SEND_EVENT = "gateway_send"

/** Deliveries in hand at once; more are left with the broker. */
const MAX_IN_HAND = 4_096
/** So long after a shard has left its own packets may still be read here. */
const LEFT_WITHIN_MS = 2_000

export interface SendTargets {
  readonly shardCount: number
  /** Sends on a shard of this process; undefined when it is not one. */
  readonly shard: (id: number) => ((packet: SendablePacket) => Promise<SendResult>) | undefined
}

export interface SendConsumerOptions {
  readonly broker: Broker
  readonly targets: SendTargets
  readonly shardIds: readonly number[]
  /** Absent: shards stay for as long as this consumer. */
  readonly moving?: {
    /** Only what comes for these shards by their ids, until they change and `signal` aborts. */
    readonly ownOnly: boolean
    readonly clock: Clock
  }
  readonly log: Logger
  readonly onRefused: (refusal: Refusal) => void
  readonly signal: AbortSignal
}

/** Runs until the broker closes or the signal aborts. */
export async function consumeSends(options: SendConsumerOptions): Promise<void> {
  const { broker, shardIds, moving, signal } = options
  const slots = new Slots(MAX_IN_HAND)
  const anyShard = broker.encoding.body === "discordjs" ? [SEND_EVENT, DISCORDJS_SEND_EVENT] : [SEND_EVENT]
  const events = [...(moving?.ownOnly === true ? [] : anyShard), ...shardIds.map(String)]
  for await (const delivery of broker.consume(events, signal)) {
    await slots.take()
    handle(delivery, options).finally(() => slots.give())
  }
}

async function handle(delivery: Delivery, options: SendConsumerOptions): Promise<void> {
  const { log, onRefused } = options
  const refusal = await send(delivery, options)
  if (refusal?.reason === "stopped") {
    // Not this packet's fault: whoever runs the shard next sends it.
    await delivery.nack().catch(() => {})
    return
  }
  if (refusal !== null) {
    onRefused(refusal)
    log.warn({ event: delivery.event, reason: refusal.reason }, refusal.message)
  }
  try {
    await delivery.ack()
  } catch (error) {
    log.warn({ event: delivery.event, err: error }, "a packet could not be acknowledged and may come again")
  }
}

async function send(delivery: Delivery, options: SendConsumerOptions): Promise<Refusal | null> {
  const { targets, broker, moving, signal } = options
  const addressed = address(delivery, targets.shardCount)
  if (!addressed.ok) return addressed.refusal
  const { shardId, packet } = addressed
  const shard = targets.shard(shardId)
  if (shard !== undefined) {
    const refusal = await shard(packet)
    if (refusal?.reason !== "stopped" || moving === undefined) return refusal
  }
  // Standard output has nobody who could be the owner.
  const hasOthers = broker.encoding.framing.type !== "stdio" && shardId >= 0 && shardId < targets.shardCount
  if (!(isRoutable(delivery.event) || moving !== undefined) || !hasOthers) {
    const message = `Cannot send to shard ${shardId} of ${targets.shardCount}: this gateway does not run it.`
    return { reason: "unknown-shard", message }
  }
  try {
    // It would come back to us for as long as we read that shard's own.
    if (moving?.ownOnly === true) await settlesWithin(moving.clock, LEFT_WITHIN_MS, aborted(signal))
    await broker.announce(String(shardId), JSON.parse(packet.json))
    return null
  } catch (error) {
    const message = `Cannot pass a packet on to shard ${shardId}: ${error instanceof Error ? error.message : String(error)}`
    return { reason: "stopped", message }
  }
}

/** A shard's own event is read by its owner alone, so that nothing is passed on twice. */
function isRoutable(event: string): boolean {
  return event === SEND_EVENT || event === DISCORDJS_SEND_EVENT
}

type Addressed =
  | { readonly ok: true; readonly shardId: number; readonly packet: SendablePacket }
  | { readonly ok: false; readonly refusal: Refusal }

/** Anybody may have published it: whatever it is, it ends as a refusal and never as what ends the gateway. */
function address(delivery: Delivery, shardCount: number): Addressed {
  try {
    return addressOf(delivery.event, delivery.data(), shardCount)
  } catch (error) {
    return refuse("malformed", `Cannot send what came for ${delivery.event}: ${String(error)}`)
  }
}

function addressOf(event: string, data: unknown, shardCount: number): Addressed {
  if (event === DISCORDJS_SEND_EVENT) return addressByShard(data)
  if (event !== SEND_EVENT) return onShard(checkPacket(data), Number(event))
  const { guild_id: guildId, packet } = isRecord(data) ? data : {}
  const guild = snowflakeText(guildId)
  if (guild === null) {
    return refuse(
      "malformed",
      "Cannot send a packet to a guild: SEND takes {guild_id, packet}, and guild_id is a snowflake.",
    )
  }
  return onShard(checkPacket(packet), shardOf(guild, shardCount))
}

function addressByShard(data: unknown): Addressed {
  const { payload, shardId } = isRecord(data) ? data : {}
  if (typeof shardId !== "number" || !Number.isInteger(shardId)) {
    return refuse(
      "malformed",
      "Cannot send a packet: gateway_send takes {payload, shardId}, and shardId is a whole number.",
    )
  }
  return onShard(checkPacket(payload), shardId)
}

function onShard(checked: Checked, shardId: number): Addressed {
  return checked.ok ? { ok: true, shardId, packet: checked.packet } : checked
}
