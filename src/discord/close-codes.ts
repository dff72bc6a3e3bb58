// What to do when Discord closes a gateway connection, by close code.
// Source: Discord's documentation, Opcodes and Status Codes › Gateway Close Event Codes.

/** `resume`: reconnect and resume. `identify`: reconnect with a new session. `stop`: never reconnect. */
export type CloseAction = "resume" | "identify" | "stop"

export interface CloseRule {
  readonly action: CloseAction
  readonly name: string
  /** For `stop`: one sentence that says what the operator must change. */
  readonly remedy?: string
}

const CLOSE_RULES: Readonly<Record<number, CloseRule>> = {
  4000: { action: "resume", name: "unknown error" },
  4001: { action: "resume", name: "unknown opcode" },
  4002: { action: "resume", name: "decode error" },
  4003: { action: "resume", name: "not authenticated" },
  4004: {
    action: "stop",
    name: "authentication failed",
    remedy: "Discord refused the token: copy the bot's token again from the developer portal into DISCORD_TOKEN.",
  },
  4005: { action: "resume", name: "already authenticated" },
  4007: { action: "identify", name: "invalid sequence" },
  4008: { action: "resume", name: "rate limited" },
  4009: { action: "identify", name: "session timed out" },
  4010: {
    action: "stop",
    name: "invalid shard",
    remedy:
      "Discord refused the shard: make every id in shards.ids smaller than shards.count, and for a very large bot make shards.count a multiple of the number Discord assigned.",
  },
  4011: {
    action: "stop",
    name: "sharding required",
    remedy: "The bot is in too many guilds for this number of shards: raise shards.count, or leave it out.",
  },
  4012: {
    action: "stop",
    name: "invalid API version",
    remedy: "Discord no longer serves this gateway version: set gateway_version to 10.",
  },
  4013: {
    action: "stop",
    name: "invalid intents",
    remedy: "Discord does not know these intents: correct intents or raw_intents.",
  },
  4014: {
    action: "stop",
    name: "disallowed intents",
    remedy:
      "A privileged intent is not enabled: switch it on in the developer portal (Bot › Privileged Gateway Intents), or leave it out of intents.",
  },
}

/** The rule for a close code. A code that Discord does not list, or none at all, means: reconnect and resume. */
export function closeRule(code: number): CloseRule {
  return CLOSE_RULES[code] ?? { action: "resume", name: "connection lost" }
}

/** The code we close with to keep the session: any but 1000 and 1001 does, and 4xxx is the application's range. */
export const RESUMABLE_CLOSE_CODE = 4900
