// Asks Discord how to connect: the socket's URL, how many shards, and how many sessions may be started.
// Source: Discord's documentation, Gateway › Get Gateway Bot.

import { isDialable } from "../discord/gateway-url.ts"
import { backoffMs } from "../flow/backoff.ts"
import { type Clock, sleep } from "../flow/clock.ts"
import { OperatorError } from "../ops/operator-error.ts"
import type { SessionStartLimit } from "./identify/identify-queue.ts"

export interface GatewayBot {
  readonly url: string
  /** The number of shards that Discord recommends. */
  readonly shards: number
  readonly startLimit: SessionStartLimit
}

export interface GatewayBotOptions {
  /** Such as `https://discord.com/api/v10`. */
  readonly apiUrl: string
  readonly token: () => string
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Ends the wait. */
  readonly signal: AbortSignal
}

const TIMEOUT_MS = 15_000
const ASK_BACKOFF = { baseMs: 1_000, capMs: 60_000 } as const

/** Discord will not answer otherwise however often it is asked; the message says what to change. */
export class GatewayBotRefusedError extends OperatorError {
  override readonly name = "GatewayBotRefusedError"
}

/** Discord could not be asked; a later try may succeed. `retryAfterMs` where Discord named it. */
export class GatewayBotUnavailableError extends Error {
  override readonly name = "GatewayBotUnavailableError"
  readonly retryAfterMs: number | null

  constructor(message: string, retryAfterMs: number | null = null) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * @throws GatewayBotRefusedError when the token or the address is wrong.
 * @throws GatewayBotUnavailableError when Discord cannot be reached, limits us or answers with an error of its own.
 */
export async function fetchGatewayBot({ apiUrl, token, fetch, signal }: GatewayBotOptions): Promise<GatewayBot> {
  const url = `${apiUrl}/gateway/bot`
  const response = await fetch(url, {
    headers: { Authorization: `Bot ${token()}`, "User-Agent": USER_AGENT },
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  }).catch((error: unknown) => {
    throw new GatewayBotUnavailableError(`${url} could not be reached (${reasonOf(error)})`)
  })
  if (response.status === 401) {
    throw new GatewayBotRefusedError(
      `Cannot start: Discord refused the token at ${url} (401): copy the bot's token again from the developer portal into DISCORD_TOKEN.`,
    )
  }
  if (response.status === 429) {
    const retryAfterS = Number(response.headers.get("Retry-After"))
    throw new GatewayBotUnavailableError(`${url} is rate limited`, retryAfterS > 0 ? retryAfterS * 1_000 : null)
  }
  if (response.status >= 500) throw new GatewayBotUnavailableError(`${url} answered ${response.status}`)
  const gatewayBot = response.ok ? readGatewayBot(await response.json().catch(() => null)) : null
  if (gatewayBot === null) {
    throw new GatewayBotRefusedError(
      `Cannot start: ${url} answered ${response.status} and not as Discord does: correct api.scheme, api.host and api.version.`,
    )
  }
  return gatewayBot
}

export interface AskingOptions {
  readonly clock: Clock
  readonly random: () => number
  /** Told, as a sentence, why it takes longer. */
  readonly onWait: (message: string) => void
  readonly signal: AbortSignal
}

/**
 * Asks until Discord answers.
 * @throws what `fetch` throws, other than that Discord could not be asked.
 */
export async function askGatewayBot(
  fetch: () => Promise<GatewayBot>,
  { clock, random, onWait, signal }: AskingOptions,
): Promise<GatewayBot> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fetch()
    } catch (error) {
      if (!(error instanceof GatewayBotUnavailableError)) throw error
      const delayMs = error.retryAfterMs ?? backoffMs(attempt, ASK_BACKOFF, random())
      onWait(`Cannot ask Discord how to connect: ${error.message}; asking again in ${Math.round(delayMs)} ms`)
      await sleep(clock, delayMs, signal)
    }
  }
}

export const USER_AGENT = "DiscordBot (https://github.com/spec-tacles/spectacles, 0.1.0)"

function reasonOf(error: unknown): string {
  // The code says it shorter than Bun's sentence, which asks whether the computer can access the URL.
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code
  return error instanceof Error ? error.message : String(error)
}

function readGatewayBot(body: unknown): GatewayBot | null {
  const { url, shards, session_start_limit: limit } = asRecord(body)
  const { total, remaining, reset_after: resetAfterMs, max_concurrency: maxConcurrency } = asRecord(limit)
  if (typeof url !== "string" || !isDialable(url)) return null
  if (
    !isCount(shards) ||
    !isCount(total) ||
    !isCount(remaining) ||
    !isCount(resetAfterMs) ||
    !isCount(maxConcurrency)
  ) {
    return null
  }
  if (shards === 0 || maxConcurrency === 0) return null
  return { url, shards, startLimit: { total, remaining, resetAfterMs, maxConcurrency } }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
}
