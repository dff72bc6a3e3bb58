// Packets to the gateway, by shard or by guild, checked before they leave.
// Source: Discord's documentation, Gateway › Sending Events; the Spectacles wire contract (SEND, shard events).

import type { GatewaySendPayload } from "discord-api-types/v10"
import { SENDABLE_OPCODES } from "../../discord/opcodes.ts"
import { isSnowflake } from "../../discord/snowflake.ts"
import type { WatchedOf } from "../message.ts"

/** The largest payload that Discord accepts. */
const MAX_PAYLOAD_BYTES = 4_096
const SEND_EVENT = "SEND"

/** What the gateway client asks of a broker: both `Redis` and `Amqp` have it. */
export interface GatewayBroker {
  publish(event: string, data: unknown): unknown
  watch<const Event extends string>(
    events: Event | readonly Event[],
    listener: (message: WatchedOf<Event>) => void,
  ): Promise<() => void>
  /** Over AMQP: declares an event's queue, so that what is sent before the gateway has started is kept. */
  createQueue?(event: string): Promise<string>
}

/** A packet that the gateway passes on: op 3, 4, 8, 31 or 43. */
export type Packet = Extract<GatewaySendPayload, { op: 3 | 4 | 8 | 31 }> | { readonly op: 43; readonly d: object }

/** A shard by its number, or the shard of a guild by the guild's id. */
export type Target = number | string

/** The event and the body that carry a packet to the shard. */
export interface Addressed {
  readonly event: string
  readonly data: unknown
}

/**
 * Where a packet goes, and as what.
 * @throws TypeError or RangeError when the gateway would refuse it.
 */
export function address(target: Target, packet: Packet): Addressed {
  if (!SENDABLE_OPCODES.includes(packet.op)) {
    throw new RangeError(`Cannot send op ${packet.op}: the gateway takes ${SENDABLE_OPCODES.join(", ")}.`)
  }
  const bytes = Buffer.byteLength(JSON.stringify(packet))
  if (bytes > MAX_PAYLOAD_BYTES) {
    throw new RangeError(`Cannot send op ${packet.op}: it has ${bytes} bytes, and Discord takes ${MAX_PAYLOAD_BYTES}.`)
  }
  if (typeof target === "string") return { event: SEND_EVENT, data: { guild_id: checkGuild(target), packet } }
  if (Number.isInteger(target) && target >= 0) return { event: String(target), data: packet }
  throw new RangeError(`Cannot send to shard ${target}: a shard is a number from 0; a guild's id is a string.`)
}

/** @throws TypeError when it is no snowflake. */
export function checkGuild(id: string): string {
  if (isSnowflake(id)) return id
  throw new TypeError(`Cannot send to guild ${JSON.stringify(id)}: its id is a snowflake of up to 20 digits.`)
}

/** Sends packets, and declares each queue that they go to once. */
export class Sender {
  readonly #broker: GatewayBroker
  /** One an event: SEND, and the shards that were named. */
  readonly #queues = new Map<string, Promise<unknown>>()

  constructor(broker: GatewayBroker) {
    this.#broker = broker
  }

  async send(target: Target, packet: Packet): Promise<void> {
    const { event, data } = address(target, packet)
    await this.#declare(event)
    await this.#broker.publish(event, data)
  }

  async #declare(event: string): Promise<void> {
    let declared = this.#queues.get(event)
    if (declared === undefined) {
      declared = Promise.resolve(this.#broker.createQueue?.(event))
      this.#queues.set(event, declared)
    }
    try {
      await declared
    } catch (error) {
      this.#queues.delete(event)
      throw error
    }
  }
}
