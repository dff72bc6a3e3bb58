// Sends requests to Discord: asks the limiter first, tells it what came back, and sends again what may be sent again.
// Source: Discord's documentation, Rate Limits; HTTP › Gateway Unavailable (502).

import { MAX_DURATION_MS } from "../../config/duration.ts"
import { backoffMs } from "../../flow/backoff.ts"
import { type Clock, sleep } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import { type Failure, refused, timedOut, unreachable } from "../failure.ts"
import { type Limiter, needsBody, type Permit, type Refusal } from "../limits/limiter.ts"
import type { ProxyRequest } from "../proxy-request.ts"
import { codeOf, fetchFailure } from "./fetch-failure.ts"
import { Reachability } from "./reachability.ts"

/** Sendings of one request after connections that failed, or answers of 502 and 503. */
const MAX_ATTEMPTS = 4
/** Sendings of one request that were answered with 429. */
const MAX_LIMITED = 10
const BAD_GATEWAY = 502
const UNAVAILABLE = 503
const BACKOFF = { baseMs: 250, capMs: 5_000 } as const
/** A 429's body, or a small error's; a longer one is cut. */
const MAX_TEXT_BYTES = 65_536

export interface UpstreamOptions {
  /** `https://discord.com` */
  readonly origin: string
  readonly limiter: Limiter
  readonly clock: Clock
  readonly log: Logger
  readonly random: () => number
  readonly fetch: (url: string, init: BunFetchRequestInit) => Promise<Response>
  readonly on: UpstreamEvents
}

export interface UpstreamEvents {
  /** A request that had to wait was let through. */
  waited(ms: number): void
  /** Discord answered, or did not. */
  upstreamAnswered(ms: number): void
  repeated(reason: string): void
}

export class Upstream {
  readonly #options: UpstreamOptions
  readonly #reachability: Reachability
  #inFlight = 0

  constructor(options: UpstreamOptions) {
    this.#options = options
    this.#reachability = new Reachability(options.clock, options.log)
  }

  /** Requests that Discord has and has not answered. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Discord's answer, whatever its status, or why there is none. Never rejects. */
  send(request: ProxyRequest): Promise<Response | Failure> {
    return this.#attempt(request, NO_TRIES)
  }

  // Chained and not awaited, as far as every request goes: an async function costs a microsecond more.
  #attempt(request: ProxyRequest, tries: Tries): Promise<Response | Failure> {
    const asked = this.#options.limiter.acquire(request)
    return asked instanceof Promise
      ? asked.then((given) => this.#go(request, given, tries))
      : this.#go(request, asked, tries)
  }

  #go(request: ProxyRequest, permit: Permit | Refusal, tries: Tries): Promise<Response | Failure> {
    if (permit.type === "refused") return Promise.resolve(refused(permit))
    const { takenMs, queuedMs } = permit
    if (queuedMs > 0) this.#options.on.waited(queuedMs)
    this.#inFlight += 1
    return this.#fetch(request, takenMs).then(
      (response) => {
        const nowMs = this.#landed(takenMs)
        if (this.#reachability.isLost) this.#reachability.found()
        const { status, headers } = response
        if (mayBeRepeated(status, request)) {
          return lookedAt(request, permit, response).then((attempt) => this.#again(request, tries, attempt))
        }
        permit.settle({ status, headers, body: "" }, nowMs)
        return response
      },
      (error) => {
        this.#landed(takenMs)
        if (fetchFailure(error) === "unsent") this.#reachability.lost(codeOf(error))
        return this.#again(request, tries, afterFailure(request, permit, error))
      },
    )
  }

  /** @returns the time. */
  #landed(startedMs: number): number {
    const { clock, on } = this.#options
    const nowMs = clock.nowMs()
    this.#inFlight -= 1
    on.upstreamAnswered(nowMs - startedMs)
    return nowMs
  }

  async #again(request: ProxyRequest, { limited, failures }: Tries, attempt: Attempt): Promise<Response | Failure> {
    const { again, result } = attempt
    if (again === null) return result
    const isLimited = again === "limited"
    const tries = { limited: limited + (isLimited ? 1 : 0), failures: failures + (isLimited ? 0 : 1) }
    if (tries.limited >= MAX_LIMITED || tries.failures >= MAX_ATTEMPTS) return result
    this.#options.on.repeated(again)
    if (!isLimited && !(await this.#pause(request, tries.failures))) return result
    request.isRepeat = true
    return this.#attempt(request, tries)
  }

  #fetch(request: ProxyRequest, nowMs: number): Promise<Response> {
    const { origin, fetch, clock } = this.#options
    const init: BunFetchRequestInit = {
      method: request.method,
      headers: request.headers,
      body: request.body,
      redirect: "manual",
      // The bytes pass as they are, with the encoding that the client and Discord have agreed on.
      decompress: false,
    }
    const leftMs = request.deadlineMs - nowMs
    // No timer runs for longer, nor does any request.
    if (leftMs > MAX_DURATION_MS) return fetch(origin + request.target.upstream, init)
    const deadline = new AbortController()
    const cancel = clock.after(leftMs, () => deadline.abort())
    return fetch(origin + request.target.upstream, { ...init, signal: deadline.signal }).finally(cancel)
  }

  /** Waits before another try. False when the client left, or there is no time for one. */
  async #pause(request: ProxyRequest, failures: number): Promise<boolean> {
    const { clock, random } = this.#options
    const delayMs = backoffMs(failures, BACKOFF, random())
    if (clock.nowMs() + delayMs >= request.deadlineMs) return false
    try {
      await sleep(clock, delayMs, request.signal())
      return true
    } catch {
      return false
    }
  }
}

/** Sendings of one request so far. */
interface Tries {
  readonly limited: number
  readonly failures: number
}

const NO_TRIES: Tries = { limited: 0, failures: 0 }

/** Whether its answer must be looked at before it can be given. */
function mayBeRepeated(status: number, { route }: ProxyRequest): boolean {
  return status >= 400 && (needsBody(status, route) || status === BAD_GATEWAY || status === UNAVAILABLE)
}

/** What came of one sending, and whether it may be sent again. */
interface Attempt {
  readonly result: Response | Failure
  readonly again: "limited" | "unavailable" | "unsent" | "broken" | null
}

function final(result: Response | Failure): Attempt {
  return { result, again: null }
}

/** An answer that may not be the last word. */
async function lookedAt(request: ProxyRequest, permit: Permit, response: Response): Promise<Attempt> {
  const { status, headers } = response
  if (needsBody(status, request.route)) {
    const body = await textOf(response)
    const verdict = permit.settle({ status, headers, body })
    return { result: remade(response, body), again: verdict === "retry" && request.canRepeat ? "limited" : null }
  }
  permit.settle({ status, headers, body: "" })
  if (!request.isIdempotent || !request.canRepeat) return final(response)
  // Read whole, so that its connection can be used again and the last answer can still be given.
  return { result: remade(response, await textOf(response)), again: "unavailable" }
}

function afterFailure(request: ProxyRequest, permit: Permit, error: unknown): Attempt {
  const failure = fetchFailure(error)
  if (failure === "unsent") {
    permit.unsent()
    const result = unreachable(`Discord could not be reached (${codeOf(error)}).`)
    return { result, again: request.canRepeat ? "unsent" : null }
  }
  permit.unanswered()
  if (failure === "timeout") {
    // Fetch says the same of a body that breaks off, since its client has left.
    return final(
      request.signal().aborted ? refused(CLIENT_LEFT) : timedOut("The deadline passed before Discord answered."),
    )
  }
  const sentence = `The connection to Discord broke before it answered (${codeOf(error)})`
  if (request.isIdempotent && request.canRepeat) return { result: unreachable(`${sentence}.`), again: "broken" }
  return final(unreachable(`${sentence}: the request may have been executed, so it was not sent again.`))
}

const CLIENT_LEFT = { type: "refused", reason: "client left", retryAfterMs: null } as const

/** The beginning of a body, as much as anybody could need of an error's. */
async function textOf(response: Response): Promise<string> {
  let text = ""
  const decoder = new TextDecoder()
  try {
    for await (const chunk of plainBody(response)) {
      text += decoder.decode(chunk, { stream: true })
      if (text.length > MAX_TEXT_BYTES) break
    }
  } catch {
    // What has come of it must do.
  }
  return text
}

function plainBody(response: Response): ReadableStream<Uint8Array> | readonly Uint8Array[] {
  const { body } = response
  if (body === null) return []
  const format = FORMATS.get(response.headers.get("content-encoding")?.toLowerCase() ?? "")
  return format === undefined ? body : body.pipeThrough(new DecompressionStream(format))
}

/** What Discord and Cloudflare encode with, where the client's Accept-Encoding allows it. */
const FORMATS: ReadonlyMap<string, Bun.CompressionFormat> = new Map([
  ["gzip", "gzip"],
  ["deflate", "deflate"],
  ["br", "brotli"],
  ["zstd", "zstd"],
])

/** The same answer around a body that was read. */
function remade({ status, headers }: Response, body: string): Response {
  headers.delete("content-encoding")
  headers.delete("content-length")
  return new Response(body, { status, headers })
}
