// Reading Identify and Resume, and refusing them with the close code that Discord uses.
// Source: Discord's documentation, Gateway Events › Identify, Resume; Opcodes and Status Codes › Close Event Codes.

import { z } from "zod"
import { ALL_INTENTS, INTENT_BITS, type Intent, PRIVILEGED_INTENTS } from "../../discord/intents.ts"

const identifySchema = z.object({
  token: z.string(),
  intents: z.number(),
  shard: z.unknown().optional(),
  properties: z.unknown().optional(),
  large_threshold: z.number().int().min(50).max(250).default(50),
})

const resumeSchema = z.object({ token: z.string(), session_id: z.string(), seq: z.number().int().nullable() })

export interface Identify {
  readonly shard: number
  readonly shardCount: number
  readonly intents: number
  readonly largeThreshold: number
  readonly properties: unknown
}

export interface Resume {
  readonly sessionId: string
  readonly sequence: number
}

export interface Refusal {
  readonly code: number
  readonly reason: string
}

export interface IdentifyPolicy {
  readonly accepts: (token: string) => boolean
  readonly guilds: number
  readonly shardMultiple: number
  readonly grantedIntents: readonly Intent[]
}

const MAX_GUILDS_A_SHARD = 2_500
const KNOWN_BITS = Object.values(INTENT_BITS).reduce<number>((bits, bit) => bits | (1 << bit), 0)
const DECODE_ERROR: Refusal = { code: 4002, reason: "Error while decoding payload." }
const AUTHENTICATION_FAILED: Refusal = { code: 4004, reason: "Authentication failed." }
const INVALID_SHARD: Refusal = { code: 4010, reason: "Invalid shard." }

export function readIdentify(d: unknown, policy: IdentifyPolicy): Identify | Refusal {
  const parsed = identifySchema.safeParse(d)
  if (!parsed.success) return DECODE_ERROR
  const { token, intents, shard: place, properties, large_threshold: largeThreshold } = parsed.data
  if (!policy.accepts(token)) return AUTHENTICATION_FAILED
  const shards = readShard(place)
  if (shards === undefined || shards[1] % policy.shardMultiple !== 0) return INVALID_SHARD
  const [shard, shardCount] = shards
  if (policy.guilds > MAX_GUILDS_A_SHARD * shardCount) return { code: 4011, reason: "Sharding required." }
  if (!Number.isInteger(intents) || intents < 0 || intents > ALL_INTENTS || (intents & ~KNOWN_BITS) !== 0)
    return { code: 4013, reason: "Invalid intent(s)." }
  const refused = PRIVILEGED_INTENTS.filter((intent) => !policy.grantedIntents.includes(intent))
  if (refused.some((intent) => (intents & (1 << INTENT_BITS[intent])) !== 0))
    return { code: 4014, reason: "Disallowed intent(s)." }
  return { shard, shardCount, intents, largeThreshold, properties }
}

export function readResume(d: unknown, accepts: (token: string) => boolean): Resume | Refusal {
  const parsed = resumeSchema.safeParse(d)
  if (!parsed.success) return DECODE_ERROR
  if (!accepts(parsed.data.token)) return AUTHENTICATION_FAILED
  return { sessionId: parsed.data.session_id, sequence: parsed.data.seq ?? 0 }
}

/** Without a shard there is one. */
function readShard(shard: unknown): readonly [number, number] | undefined {
  const parsed = z
    .tuple([z.number().int().min(0), z.number().int().min(1)])
    .default([0, 1])
    .safeParse(shard)
  return parsed.success && parsed.data[0] < parsed.data[1] ? parsed.data : undefined
}
