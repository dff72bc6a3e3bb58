// Requests and their replies. A reply comes on the channel `{event}:{entry id}`, and the id is known only after the request
// is in the stream, where a fast replier may have read it already. So the channels of an event are all subscribed to before
// its first request, and a reply that overtakes its request's id is kept until that is known.

import type { Body } from "../../codec/encoding.ts"
import type { Clock } from "../../flow/clock.ts"
import { decodeBody, encodeBody } from "../body.ts"
import { BrokerClosedError } from "../broker.ts"
import type { Client } from "./clients.ts"
import { type Trimming, trimWords } from "./commands.ts"
import { type Entry, LISTENING_FIELD, text } from "./entries.ts"
import { RedisReplies } from "./reply.ts"

/** Replies that came before their request's id is known, or that are others'. */
const MAX_EARLY_REPLIES = 1_000

export interface CallsOptions {
  readonly commands: Client
  readonly newSubscriber: () => Client
  readonly body: Body
  readonly trimming: Trimming
  readonly clock: Clock
  /** Aborts when the broker closes. */
  readonly closing: AbortSignal
}

export class RedisCalls {
  readonly #options: CallsOptions
  readonly #replies: RedisReplies
  /** Connected at the first call. */
  #subscriber: Client | null = null
  readonly #subscribed = new Map<string, Promise<unknown>>()
  /** By channel. */
  readonly #waiting = new Map<string, (body: Uint8Array) => void>()
  readonly #early = new Map<string, Uint8Array>()
  /** Requests on their way, whose ids are not known. */
  #unnamed = 0

  constructor(options: CallsOptions) {
    this.#options = options
    this.#replies = new RedisReplies(options)
    options.closing.addEventListener("abort", () => this.#subscriber?.disconnect(), { once: true })
  }

  /** Appends a request and resolves to the decoded reply. A reply after the timeout is dropped. */
  call(event: string, data: unknown, timeoutMs: number): Promise<unknown> {
    const { clock, closing } = this.#options
    if (closing.aborted) return Promise.reject(new BrokerClosedError(`Cannot call ${event}: the broker was closed.`))
    return new Promise((resolve, reject) => {
      const over = new AbortController()
      const finish = (settle: () => void) => {
        cancel()
        closing.removeEventListener("abort", onClose)
        over.abort()
        settle()
      }
      const onClose = () =>
        finish(() => reject(new BrokerClosedError(`Cannot wait for the reply to ${event}: the broker was closed.`)))
      const cancel = clock.after(timeoutMs, () =>
        finish(() => reject(new Error(`Cannot finish the call to ${event}: no reply came within ${timeoutMs} ms.`))),
      )
      closing.addEventListener("abort", onClose)
      this.#request(event, data, over.signal).then(
        (body) => finish(() => settleWith(body, resolve, reject)),
        (error: unknown) => finish(() => reject(error)),
      )
    })
  }

  /** Publishes a reply to whoever called with that entry. */
  async reply(event: string, { id, isCallerListening }: Entry, data: unknown): Promise<void> {
    const bytes = Buffer.from(encodeBody(this.#options.body, data))
    await this.#replies.send(`${event}:${id}`, bytes, isCallerListening)
  }

  /** Resolves to the reply's body; never, once `over` aborts. */
  async #request(event: string, data: unknown, over: AbortSignal): Promise<Uint8Array> {
    const { commands, body, trimming, clock } = this.#options
    await this.#subscribe(event)
    const words = [event, ...trimWords(trimming, clock.wallMs()), "*", "data", Buffer.from(encodeBody(body, data))]
    words.push(LISTENING_FIELD, "1")
    this.#unnamed += 1
    let id: unknown
    try {
      id = await commands.call("XADD", words)
    } finally {
      this.#unnamed -= 1
    }
    const reply = this.#replyOn(`${event}:${text(id)}`, over)
    if (this.#unnamed === 0) this.#early.clear()
    return reply
  }

  #replyOn(channel: string, over: AbortSignal): Promise<Uint8Array> {
    const early = this.#early.get(channel)
    if (early !== undefined) return Promise.resolve(early)
    return new Promise((resolve) => {
      if (over.aborted) return
      this.#waiting.set(channel, resolve)
      over.addEventListener("abort", () => this.#waiting.delete(channel), { once: true })
    })
  }

  #subscribe(event: string): Promise<unknown> {
    this.#subscriber ??= this.#connect()
    let subscribed = this.#subscribed.get(event)
    if (subscribed === undefined) {
      subscribed = this.#subscriber.psubscribe(`${event.replace(/[\\*?[\]]/g, "\\$&")}:*`)
      subscribed.catch(() => this.#subscribed.delete(event))
      this.#subscribed.set(event, subscribed)
    }
    return subscribed
  }

  #connect(): Client {
    const subscriber = this.#options.newSubscriber()
    subscriber.on("pmessageBuffer", (_pattern: unknown, channel: unknown, body: Uint8Array) => {
      this.#onReply(text(channel), body)
    })
    return subscriber
  }

  #onReply(channel: string, body: Uint8Array): void {
    const resolve = this.#waiting.get(channel)
    if (resolve !== undefined) resolve(body)
    else if (this.#unnamed > 0) this.#keep(channel, body)
  }

  /** The oldest goes first: it is the least likely to be ours. */
  #keep(channel: string, body: Uint8Array): void {
    const [oldest] = this.#early.keys()
    if (oldest !== undefined && this.#early.size >= MAX_EARLY_REPLIES) this.#early.delete(oldest)
    this.#early.set(channel, body)
  }
}

function settleWith(body: Uint8Array, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  try {
    resolve(decodeBody(body))
  } catch (error) {
    reject(error)
  }
}
