// Which packets a command handler may send, checked before they cost anything. Discord closes the connection over a bad
// packet, so each refusal here saves a reconnect.
// Source: Discord's documentation, Gateway Events › Send Events; Gateway › Sending Events (4,096 bytes).

import { Opcode, SENDABLE_OPCODES } from "../../discord/opcodes.ts"
import { isSnowflake } from "../../discord/snowflake.ts"

/** The largest payload that Discord accepts. */
export const MAX_PAYLOAD_BYTES = 4_096
const MAX_USER_IDS = 100
const MAX_PREFIX_LIMIT = 100
const MAX_NONCE_BYTES = 32

/** A packet that may be sent, as the JSON text that goes to Discord. */
export interface SendablePacket {
  readonly op: number
  readonly json: string
  /** Set where the packet asks for all members of this guild, which Discord allows once per 30 s. */
  readonly allMembersOf: string | null
}

export type RefusalReason =
  | "malformed"
  | "unknown-shard"
  | "forbidden-opcode"
  | "too-large"
  | "queue-full"
  | "expired"
  | "stopped"

/** Why a packet was not sent; `message` is a sentence. */
export interface Refusal {
  readonly reason: RefusalReason
  readonly message: string
}

export type Checked =
  | { readonly ok: true; readonly packet: SendablePacket }
  | { readonly ok: false; readonly refusal: Refusal }

/** Checks `{op, d}` as it came from a broker. */
export function checkPacket(value: unknown): Checked {
  if (!isRecord(value)) return refuse("malformed", `Cannot send ${describe(value)}: a packet is a map {op, d}.`)
  const op = value["op"]
  const d = value["d"]
  if (typeof op !== "number")
    return refuse("malformed", `Cannot send a packet with op ${describe(op)}: op is a number.`)
  if (!SENDABLE_OPCODES.includes(op)) {
    return refuse("forbidden-opcode", `Cannot send op ${op}: the gateway takes ${SENDABLE_OPCODES.join(", ")}.`)
  }
  const problem = op === Opcode.RequestGuildMembers ? memberRequestProblem(d) : null
  if (problem !== null) return refuse("malformed", problem)
  const json = stringify({ op, d: d ?? null })
  if (json === null) return refuse("malformed", `Cannot send op ${op}: d cannot be written as JSON.`)
  const bytes = Buffer.byteLength(json)
  if (bytes > MAX_PAYLOAD_BYTES) {
    return refuse("too-large", `Cannot send op ${op}: it has ${bytes} bytes, and Discord takes ${MAX_PAYLOAD_BYTES}.`)
  }
  return { ok: true, packet: { op, json, allMembersOf: op === Opcode.RequestGuildMembers ? allMembersOf(d) : null } }
}

/** Source: Gateway Events › Request Guild Members. */
function memberRequestProblem(d: unknown): string | null {
  if (!isRecord(d)) return "Cannot request members: d is a map with guild_id."
  const { guild_id: guildId, user_ids: userIds, query, limit, nonce } = d
  if (snowflakeText(guildId) === null) {
    return `Cannot request members of guild ${describe(guildId)}: guild_id is one snowflake.`
  }
  if (Array.isArray(userIds) && userIds.length > MAX_USER_IDS) {
    return `Cannot request ${userIds.length} members by id: Discord takes at most ${MAX_USER_IDS} user_ids.`
  }
  if (typeof query === "string" && query !== "" && typeof limit === "number" && limit > MAX_PREFIX_LIMIT) {
    return `Cannot request ${limit} members by prefix: Discord takes a limit of at most ${MAX_PREFIX_LIMIT}.`
  }
  if (typeof nonce === "string" && Buffer.byteLength(nonce) > MAX_NONCE_BYTES) {
    return `Cannot request members with a nonce of ${Buffer.byteLength(nonce)} bytes: Discord takes at most ${MAX_NONCE_BYTES}.`
  }
  return null
}

function allMembersOf(d: unknown): string | null {
  if (!isRecord(d) || d["user_ids"] !== undefined) return null
  const { guild_id: guildId, query, limit } = d
  const everyone = (query === undefined || query === "") && (limit === undefined || limit === 0)
  return everyone ? snowflakeText(guildId) : null
}

/**
 * The snowflake as text, or null when it is none. It may come as a 64-bit integer; a double beyond 2^53 has lost its
 * digits and is none.
 */
export function snowflakeText(value: unknown): string | null {
  const text = typeof value === "bigint" || Number.isSafeInteger(value) ? String(value) : value
  return typeof text === "string" && isSnowflake(text) ? text : null
}

export function refuse(reason: RefusalReason, message: string): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: { reason, message } }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

const DESCRIBED_CHARACTERS = 40

function describe(value: unknown): string {
  // Making text of a list that is nested so deeply that JSON gives up would throw as well.
  const text = stringify(value) ?? (typeof value === "object" ? "what is nested too deeply" : String(value))
  return text.length > DESCRIBED_CHARACTERS ? `${text.slice(0, DESCRIBED_CHARACTERS)}…` : text
}

function stringify(value: unknown): string | null {
  try {
    return JSON.stringify(value, (_key, inner) => (typeof inner === "bigint" ? inner.toString() : inner)) ?? null
  } catch {
    return null
  }
}
