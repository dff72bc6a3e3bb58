// The port to a message broker. Adapters: memory/, stdio/. One contract suite runs over all of them.

import type { EventBatch } from "../codec/batch.ts"
import type { Encoding } from "../codec/encoding.ts"

export interface Broker {
  /** What the bytes of a batch must be. */
  readonly encoding: Encoding

  /**
   * Resolves once, and never rejects, when the broker is over: nothing handed over after that is published, and
   * whatever was unconfirmed rejects with BrokerClosedError.
   */
  readonly ended: Promise<BrokerEnd>

  /**
   * Publishes events in order. Batches handed over earlier are published earlier.
   * The batch's arrays belong to the broker until the promise settles.
   * A broken connection is the adapter's to mend: the promise stays open until the events are confirmed.
   * @returns a promise that resolves once the server has confirmed every event of the batch.
   * @throws BrokerClosedError when the broker was closed first: the events may or may not have been published.
   */
  publish(batch: EventBatch): Promise<void>

  /** Publishes one event of our own making, in the broker's format, after everything handed over before it. */
  announce(event: string, data: unknown): Promise<void>

  /** What arrives for these events, oldest first. Ends when the broker closes or `signal` aborts. */
  consume(events: readonly string[], signal: AbortSignal): AsyncIterable<Delivery>

  /** Publishes a request and resolves to the decoded reply. Rejects after `timeoutMs`. */
  call(event: string, data: unknown, options: { readonly timeoutMs: number }): Promise<unknown>

  /** Takes nothing new, waits up to `drainWithinMs` for confirms, and lets go of the connection. */
  close(options: { readonly drainWithinMs: number }): Promise<void>
}

export interface Delivery {
  readonly event: string
  /** Names the call that it is; the same when it is delivered again. Absent where the server does not say. */
  readonly call?: string
  /** It was delivered before and not acknowledged: whoever had it may have done what it asks for. */
  readonly isRepeated?: boolean
  /** When nobody waits for the reply any more, in Unix ms, where the caller has said so. */
  readonly deadlineWallMs?: number
  /**
   * The decoded body, MessagePack or JSON by its first byte.
   * @throws BodyError when it is neither.
   */
  data(): unknown
  ack(): Promise<void>
  /** Gives the message back, to be delivered again. */
  nack(): Promise<void>
  /** Answers the caller, where the message came by `call`. */
  reply(data: unknown): Promise<void>
}

/**
 * `closed`: by our `close`. `gone`: the other end needs no more, as when the reader of standard output has left; the
 * service stops, and that is no failure. `failed`: it will never work again without an operator; the message says why.
 */
export type BrokerEnd =
  | { readonly type: "closed" }
  | { readonly type: "gone"; readonly reason: string }
  | { readonly type: "failed"; readonly error: Error }

/** The broker was closed, by us or by the other end for good. */
export class BrokerClosedError extends Error {
  override readonly name = "BrokerClosedError"
}

/** A message's body is neither MessagePack nor JSON. */
export class BodyError extends Error {
  override readonly name = "BodyError"
}
