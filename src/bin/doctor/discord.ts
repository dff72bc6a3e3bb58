// Checks that ask Discord: the clock, the token, the sessions that may be started, and the privileged intents.

import type { GatewayConfig } from "../../config/gateway-config.ts"
import { GRANTING_FLAGS } from "../../discord/application-flags.ts"
import { hasIntent, type Intent, PRIVILEGED_INTENTS } from "../../discord/intents.ts"
import { fetchGatewayBot, GatewayBotRefusedError } from "../../gateway/gateway-bot.ts"
import { bad, type Finding, good } from "./finding.ts"

const TIMEOUT_MS = 10_000
const USER_AGENT = "DiscordBot (https://github.com/spec-tacles/spectacles, 0.1.0)"
/** The Date header says whole seconds, and the answer takes its time. */
const TOLERATED_SKEW_MS = 5_000
const HALF_SECOND_MS = 500
const PORTAL = "https://discord.com/developers/applications"

export interface DiscordQuestions {
  readonly config: GatewayConfig
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Unix ms. */
  readonly now: () => number
}

/** One finding for each question; without an answer to the first, the others are not asked. */
export async function discordFindings(questions: DiscordQuestions): Promise<readonly Finding[]> {
  const reached = await reach(questions)
  if (reached.some(({ verdict, subject }) => verdict === "FAIL" && subject === "Discord")) return reached
  const token = await tokenFinding(questions)
  if (token.verdict === "FAIL") return [...reached, token]
  return [...reached, token, ...(await Promise.all([sessionsFinding(questions), intentsFinding(questions)]))]
}

function apiUrl({ api }: GatewayConfig): string {
  return `${api.scheme}://${api.host}/api/v${api.version}`
}

/** Whether Discord answers at all, which needs no token, and how far this clock is from Discord's. */
async function reach({ config, fetch, now }: DiscordQuestions): Promise<readonly Finding[]> {
  const url = `${apiUrl(config)}/gateway`
  const startMs = now()
  try {
    const { ok, status, headers } = await fetch(url, init())
    const endMs = now()
    const says = `${url} answered ${status} after ${Math.round(endMs - startMs)} ms`
    if (!ok)
      return [bad("Discord", says, "Correct api.scheme, api.host and api.version; a 403 is often a blocked address.")]
    return [good("Discord", says), ...clockFinding(headers.get("Date"), (startMs + endMs) / 2)]
  } catch (error) {
    const says = `${url} cannot be reached: ${reasonOf(error)}`
    return [
      bad(
        "Discord",
        says,
        "Check this machine's network, DNS and firewall, and api.host: TCP port 443 has to be open.",
      ),
    ]
  }
}

function clockFinding(date: string | null, hereMs: number): readonly Finding[] {
  const thereMs = Date.parse(date ?? "")
  if (Number.isNaN(thereMs)) return []
  const skewMs = hereMs - (thereMs + HALF_SECOND_MS)
  if (Math.abs(skewMs) <= TOLERATED_SKEW_MS)
    return [good("clock", `within ${TOLERATED_SKEW_MS / 1_000} s of Discord's`)]
  const says = `${(Math.abs(skewMs) / 1_000).toFixed(0)} s ${skewMs > 0 ? "ahead of" : "behind"} Discord's`
  return [bad("clock", says, "Let NTP set it, such as by timedatectl set-ntp true: certificates and limits go by it.")]
}

async function tokenFinding({ config, fetch }: DiscordQuestions): Promise<Finding> {
  const answer = await answerTo(fetch, `${apiUrl(config)}/users/@me`, config)
  if (answer.status === 200)
    return good("token", `of the bot ${textOf(answer.body, "username")} (${textOf(answer.body, "id")})`)
  if (answer.status === 401) {
    return bad(
      "token",
      "Discord refuses it (401)",
      `Reset it at ${PORTAL} › Bot, and put it in DISCORD_TOKEN or token.`,
    )
  }
  return bad(
    "token",
    `/users/@me: ${describe(answer)}`,
    "Try again in a few minutes; discordstatus.com tells of outages.",
  )
}

async function sessionsFinding({ config, fetch }: DiscordQuestions): Promise<Finding> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const bot = await fetchGatewayBot({ apiUrl: apiUrl(config), token: () => config.token.reveal(), fetch, signal })
    const { remaining, total, resetAfterMs } = bot.startLimit
    const shards = config.shards.count ?? bot.shards
    const says = `${remaining} of ${total} left today, Discord recommends ${bot.shards} ${bot.shards === 1 ? "shard" : "shards"}`
    const usable = remaining - config.identifyReserve
    if (usable >= (config.shards.ids?.length ?? shards)) return good("sessions", says)
    const minutes = Math.ceil(resetAfterMs / 60_000)
    const advice = `Too few for ${shards} shards and the reserve of ${config.identifyReserve}: wait ${minutes} min, or lower identify.reserve.`
    return bad("sessions", says, advice)
  } catch (error) {
    const advice = error instanceof GatewayBotRefusedError ? "Correct what it says." : "Try again in a few minutes."
    return bad("sessions", reasonOf(error), advice)
  }
}

async function intentsFinding({ config, fetch }: DiscordQuestions): Promise<Finding> {
  const wanted = PRIVILEGED_INTENTS.filter((intent) => hasIntent(config.intents, intent))
  if (wanted.length === 0) return good("intents", "none of them is privileged")
  const answer = await answerTo(fetch, `${apiUrl(config)}/applications/@me`, config)
  const flags = fieldOf(answer.body, "flags")
  if (answer.status !== 200 || typeof flags !== "number") {
    return bad("intents", `/applications/@me: ${describe(answer)}`, "Try again in a few minutes.")
  }
  const refused = wanted.filter((intent) => !isGranted(intent, flags))
  if (refused.length === 0) return good("intents", `${wanted.join(", ")}: granted`)
  const advice = `Switch them on at ${PORTAL} › Bot › Privileged Gateway Intents, or take them out of intents.`
  return bad("intents", `${refused.join(", ")}: not granted, so Discord would close with 4014`, advice)
}

function isGranted(intent: Intent, flags: number): boolean {
  return (flags & (GRANTING_FLAGS[intent] ?? 0)) !== 0
}

interface Answer {
  /** 0: there was none. */
  readonly status: number
  readonly body: unknown
  readonly reason?: string
}

async function answerTo(fetch: DiscordQuestions["fetch"], url: string, { token }: GatewayConfig): Promise<Answer> {
  try {
    const response = await fetch(url, init(`Bot ${token.reveal()}`))
    return { status: response.status, body: await response.json().catch(() => null) }
  } catch (error) {
    return { status: 0, body: null, reason: reasonOf(error) }
  }
}

function init(authorization?: string): RequestInit {
  const headers = { "User-Agent": USER_AGENT, ...(authorization === undefined ? {} : { Authorization: authorization }) }
  return { headers, signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "manual" }
}

function describe({ status, reason }: Answer): string {
  return reason ?? `answered ${status}`
}

function fieldOf(body: unknown, name: string): unknown {
  return typeof body === "object" && body !== null ? new Map(Object.entries(body)).get(name) : undefined
}

function textOf(body: unknown, name: string): string {
  return String(fieldOf(body, name) ?? "?")
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\.$/, "") : String(error)
}
