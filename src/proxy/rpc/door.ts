// The broker's door: takes requests from the event, passes them on, and answers each exactly once. A request is acknowledged
// after its reply, so that what a dead proxy held goes to another one.
// Source: the wire contract of Spectacles, Proxy over the broker.

import { BodyError, type Broker, type Delivery } from "../../brokers/broker.ts"
import type { DoorOptions } from "../door.ts"
import { takeRequestHeaders } from "../http/request-headers.ts"
import { ProxyRequest } from "../proxy-request.ts"
import { type FailureStatus, type Malformed, type RpcRequest, readRequest, STATUS } from "./request-form.ts"

export interface RpcDoorOptions extends DoorOptions {
  readonly broker: Broker
  readonly event: string
  readonly origin: string
  /** No request may take longer, whatever it asks for: another proxy may take it over then. */
  readonly longestMs: number
}

/** Calls that are in hand, or answered and not acknowledged. Past it the oldest is forgotten, and may get a second reply. */
const MAX_ANSWERS = 100_000
/** What is counted where the HTTP door would have answered so. */
const BAD_REQUEST = 400
const GATEWAY_TIMEOUT = 504

/** What goes back: MessagePack, or JSON where the broker's format is. */
type Reply =
  | {
      readonly status: 0
      readonly body: {
        readonly status: number
        readonly headers: Readonly<Record<string, string>>
        readonly url: string
        readonly body: Uint8Array
      }
    }
  | { readonly status: FailureStatus; readonly body: string }

export class RpcDoor {
  readonly #options: RpcDoorOptions
  /** At most as many as the broker hands over unacknowledged. */
  readonly #inHand = new Set<Promise<void>>()
  /** By call: whether it was answered. Those are kept whose acknowledgement is missing, since they come again. */
  readonly #answers = new Map<string, Promise<boolean>>()
  /** Nobody can leave a broker's queue: a request waits as long as it may. */
  readonly #never = new AbortController().signal

  constructor(options: RpcDoorOptions) {
    this.#options = options
  }

  get pending(): number {
    return this.#inHand.size
  }

  /** Takes requests until `signal` aborts. @throws what the broker throws when it cannot be read. */
  async run(signal: AbortSignal): Promise<void> {
    const { broker, event } = this.#options
    for await (const delivery of broker.consume([event], signal)) {
      const handled = this.#handle(delivery).finally(() => this.#inHand.delete(handled))
      this.#inHand.add(handled)
    }
  }

  /** Resolves once everything in hand was answered. */
  async finish(): Promise<void> {
    await Promise.all(this.#inHand)
  }

  async #handle(delivery: Delivery): Promise<void> {
    const { call } = delivery
    try {
      const earlier = delivery.isRepeated === true ? this.#answers.get(call ?? "") : undefined
      // The connection that it came by was lost, and it came again: it has its answer, or will.
      const isAnswered = (await earlier) === true || (await this.#answer(delivery))
      if (!isAnswered) return await delivery.nack()
      await delivery.ack()
      if (call !== undefined) this.#answers.delete(call)
    } catch (error) {
      this.#options.log.warn({ err: error }, "a request of the broker's could not be acknowledged: it comes again")
    }
  }

  /** Resolves to false where it was not sent, and another proxy can do it. */
  #answer(delivery: Delivery): Promise<boolean> {
    const answering = this.#replyTo(delivery).then(async (reply) => {
      if (reply !== null) await delivery.reply(reply)
      return reply !== null
    })
    const { call } = delivery
    if (call === undefined) return answering
    this.#answers.set(call, answering)
    const [oldest] = this.#answers.keys()
    if (oldest !== undefined && this.#answers.size > MAX_ANSWERS) this.#answers.delete(oldest)
    answering.then(
      (isAnswered) => isAnswered || this.#answers.delete(call),
      () => this.#answers.delete(call),
    )
    return answering
  }

  /** Null: it was not sent, and another proxy can do it. */
  async #replyTo(delivery: Delivery): Promise<Reply | null> {
    try {
      const request = this.#read(delivery)
      if (request.type !== "malformed") return await this.#pass(request, delivery)
      this.#options.answered(null, BAD_REQUEST)
      return failed(request.status, request.message)
    } catch (error) {
      this.#options.log.error({ err: error }, "a request of the broker's failed")
      return failed(STATUS.unknown, "The proxy failed; its log says why.")
    }
  }

  #read(delivery: Delivery): RpcRequest | Malformed {
    try {
      return readRequest(delivery.data(), this.#options.apiVersion)
    } catch (error) {
      if (!(error instanceof BodyError)) throw error
      return { type: "malformed", status: STATUS.format, message: error.message }
    }
  }

  async #pass({ method, target, headers, body, timeoutMs }: RpcRequest, delivery: Delivery): Promise<Reply | null> {
    const { clock, globalLimits, send, answered, token, origin } = this.#options
    const options = takeRequestHeaders(headers, token?.() ?? null)
    if (typeof options === "string") {
      answered(null, BAD_REQUEST)
      return failed(STATUS.headers, options)
    }
    headers.delete("content-length")
    const withinMs = Math.min(
      this.#options.longestMs,
      timeoutMs ?? options.timeoutMs ?? this.#options.timeoutMs,
      (delivery.deadlineWallMs ?? Number.POSITIVE_INFINITY) - clock.wallMs(),
    )
    if (withinMs <= 0) {
      answered(null, GATEWAY_TIMEOUT)
      return failed(STATUS.timeout, "The request's deadline had passed before it was read.")
    }
    const request = new ProxyRequest(
      {
        method,
        target,
        headers,
        body: method === "GET" || method === "HEAD" ? null : body,
        priority: options.priority,
        deadlineMs: clock.nowMs() + withinMs,
        door: { signal: () => this.#never },
      },
      globalLimits,
      clock,
    )
    if (delivery.isRepeated === true && !request.isIdempotent) {
      return failed(
        STATUS.failed,
        `The request was taken over from a proxy that may have sent it, and a ${method} is not sent twice.`,
      )
    }
    const result = await send(request)
    answered(request.route, result.status)
    if (result instanceof Response) return answerOf(result, origin + target.upstream)
    if (result.reason === "stopping" && request.isIdempotent) return null
    const isLate = result.reason === "deadline" || result.reason === "timeout"
    return failed(isLate ? STATUS.timeout : STATUS.failed, result.message)
  }
}

async function answerOf(response: Response, url: string): Promise<Reply> {
  try {
    const body = new Uint8Array(await response.arrayBuffer())
    return { status: 0, body: { status: response.status, headers: Object.fromEntries(response.headers), url, body } }
  } catch {
    return failed(STATUS.failed, "The connection to Discord broke in the middle of its answer.")
  }
}

function failed(status: FailureStatus, body: string): Reply {
  return { status, body }
}
