// A message as `for await` gives it, the same over every broker.

import type { EventData } from "./events.ts"

/** @example for await (const { data, ack } of broker.consume("MESSAGE_CREATE")) { … await ack() } */
export interface Message<Event extends string = string> {
  readonly event: Event
  readonly data: EventData<Event>
  /**
   * The same for every delivery of one event, also when the gateway published it twice after a crash: whoever must not
   * do something twice remembers it.
   */
  readonly id: string
  /**
   * While the bot is resharded: the same for one event that two sessions of the gateway told of, whose ids differ. Absent where the
   * event's content does not name it.
   */
  readonly key?: string
  /** 1 for the first delivery. */
  readonly attempt: number
  /** Done: it does not come again. */
  readonly ack: () => Promise<void>
  /** Failed: it comes again a little later, to any worker of the group, until it is set aside as a dead letter. */
  readonly nack: () => Promise<void>
  /** Answers whoever sent it by `call`. */
  readonly reply: (data: unknown) => Promise<void>
}

/** One of several messages: `event` tells which `data` it has. */
export type MessageOf<Event extends string> = Event extends string ? Message<Event> : never

/** What `watch` shows of a message; `event` tells which `data` it has. */
export type WatchedOf<Event extends string> = Event extends string
  ? { readonly event: Event; readonly data: EventData<Event> }
  : never

/** Settings of one `consume`. */
export interface ConsumeOptions {
  /** Messages given out and neither acknowledged nor given back, at most; over AMQP, of each event. Default 100. */
  readonly prefetch?: number
  /** Ends the loop when it aborts. */
  readonly signal?: AbortSignal
}

/** Told when a message was set aside: it now lies where `to` says, and is not delivered again. */
export interface DeadLetter {
  readonly event: string
  readonly id: string
  /** A sentence: it was given out too often, or cannot be read. */
  readonly reason: string
  /** The stream (Redis) or queue (AMQP). */
  readonly to: string
}

/** Settings of `close`. */
export interface CloseOptions {
  /** How long to wait for messages that are being worked on. Default 10,000. */
  readonly drainWithinMs?: number
}

export const DEFAULT_PREFETCH = 100
export const DEFAULT_DRAIN_WITHIN_MS = 10_000
/** How often a message is given out before it is set aside. */
export const DEFAULT_MAX_DELIVERIES = 5

/** Where the dead letters of a group lie, over every broker. No event name holds a colon, so no event is named so. */
export function deadLetterName(group: string, event: string): string {
  return `${group}:${event}:dead`
}
