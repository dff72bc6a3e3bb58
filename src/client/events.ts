// What each event carries: Discord's own by discord-api-types, and those that the gateway makes itself.

import type { GatewayDispatchPayload } from "discord-api-types/v10"

/**
 * Published when Discord could not replay what a session missed: whoever keeps state from events has to fetch it anew.
 */
export interface GatewayGap {
  readonly shard: number
  readonly session_id: string
  /** The last sequence of the session that was published; what followed it is missing. */
  readonly last_seq: number
}

type Discord = {
  readonly [Payload in GatewayDispatchPayload as `${Payload["t"]}`]: Payload["d"]
}

/**
 * The payload of every event by its name.
 * @example
 * function greet(message: GatewayEvents["MESSAGE_CREATE"]) { … }
 */
export interface GatewayEvents extends Discord {
  readonly GATEWAY_GAP: GatewayGap
}

/** The payload of an event; unknown for an event that is not the gateway's. */
export type EventData<Event extends string> = Event extends keyof GatewayEvents ? GatewayEvents[Event] : unknown
