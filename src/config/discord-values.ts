// The kinds of values that come from Discord: intents, event names, shard ids, the token, a presence.

import { z } from "zod"
import { INTENT_ALIASES, INTENT_BITS, type Intent, intentNamed } from "../discord/intents.ts"
import type { Activity, Presence } from "./gateway-config.ts"
import { didYouMean } from "./near-matches.ts"
import { Secret } from "./secret.ts"
import { integer, list, parsed, shown, wrong } from "./values.ts"

/** Far above any bot's number of shards; bounds what a range of ids may unfold to. */
export const MAX_SHARDS = 100_000

/** What every broker can carry as a name of a stream, a queue and a routing key. */
const EVENT_NAME = /^\s*\w{1,64}\s*$/
/** Discord takes 4,096 bytes for the whole of Identify, of which the token and the rest need a part. */
const MAX_PRESENCE_BYTES = 3_072
const INTENT_NAMES = [...Object.keys(INTENT_BITS), ...Object.keys(INTENT_ALIASES)]

/** `auto`: the bot is given more when it has outgrown them. */
export function shardCount(): z.ZodType<number | "auto"> {
  return parsed(`write a whole number from 0 to ${MAX_SHARDS}, or "auto".`, (value) => {
    if (typeof value === "string" && value.trim() === "auto") return "auto"
    const count = integer(0, MAX_SHARDS).safeParse(value)
    return count.success ? count.data : undefined
  })
}

export function intents(): z.ZodType<Intent[]> {
  const intent = z.string(wrong('write an intent\'s name, such as "GUILDS".')).transform((name, context) => {
    const known = intentNamed(name.trim())
    if (known !== undefined) return known
    context.issues.push({
      code: "custom",
      message: `is ${shown(name)}, which is no intent of Discord's.${didYouMean(name, INTENT_NAMES)}`,
      input: name,
    })
    return z.NEVER
  })
  return list(intent, 'write a list of intents, such as ["GUILDS", "GUILD_MESSAGES"].')
}

/** Names are not checked against Discord's list here, since Discord adds events without notice. */
export function eventNames(): z.ZodType<string[]> {
  const name = parsed('write an event\'s name, such as "MESSAGE_CREATE".', (value) =>
    typeof value === "string" && EVENT_NAME.test(value) ? value.trim() : undefined,
  )
  return list(name, 'write a list of events, such as ["MESSAGE_CREATE"].').transform((names) => [...new Set(names)])
}

/** Ids and ranges, such as `[0, 1]`, `["0-3", 8]` or `0-3,8`; ascending. */
export function shardIds(): z.ZodType<number[]> {
  const id = integer(0, MAX_SHARDS - 1)
  const member = parsed(`write a shard's id, or a range such as "0-15".`, (value) => {
    const [, first, last] = (typeof value === "string" && /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(value)) || []
    const from = id.safeParse(first ?? value).data
    const to = id.safeParse(last ?? value).data
    if (from === undefined || to === undefined || from > to) return undefined
    return Array.from({ length: to - from + 1 }, (_, offset) => from + offset)
  })
  return list(member, 'write a list of shard ids, such as [0, 1] or "0-15".').transform((ranges, context) => {
    const ids = ranges.flat().sort((a, b) => a - b)
    const twice = ids.find((one, position) => one === ids[position - 1])
    if (twice !== undefined) {
      context.issues.push({ code: "custom", message: `holds ${twice} twice: write each shard once.`, input: undefined })
    }
    return ids
  })
}

/**
 * A bot token. Space and quotes around it and the word `Bot` before it are taken off: env files keep quotes, and REST
 * examples show the prefix. No message shows the token.
 */
export function botToken(): z.ZodType<Secret> {
  return z.unknown().transform((input, context) => {
    const fail = (message: string) => {
      context.issues.push({ code: "custom", message, input: undefined })
      return z.NEVER
    }
    if (typeof input !== "string") return fail("is not text: write the bot's token in quotes.")
    const token = unwrapped(input)
    if (token === "") return fail("is empty: copy the bot's token from Discord's developer portal.")
    if (/^Bearer\s/i.test(token)) return fail("begins with Bearer: a gateway needs a bot's token, not a user's.")
    if (!/^[\x21-\x7e]+$/.test(token)) return fail("holds a space or a character that no token has: copy it again.")
    return new Secret(token)
  })
}

function unwrapped(text: string): string {
  const [, , inner] = /^(["'])(.*)\1$/s.exec(text.trim()) ?? []
  return (inner ?? text).trim().replace(/^Bot\s+/, "")
}

const ACTIVITY = z.looseObject(
  { name: z.string(wrong("write the activity's name.")), type: integer(0, 99).default(0) },
  wrong('write an activity, such as { name = "chess", type = 0 }.'),
)

const ACTIVITIES = z.array(ACTIVITY, wrong("write a list of activities."))

const PRESENCE = z.strictObject(
  {
    status: z
      .enum(
        ["online", "dnd", "idle", "invisible", "offline"],
        wrong('write one of "online", "dnd", "idle", "invisible", "offline".'),
      )
      .default("online"),
    activities: ACTIVITIES.optional(),
    // What Discord took before activities, and what the Spectacles documentation still shows.
    game: ACTIVITY.optional(),
    since: z.int(wrong("write Unix milliseconds.")).nullable().default(null),
    afk: z.boolean(wrong("write true or false.")).default(false),
  },
  {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `holds ${issue.keys.join(", ")}, which no presence has: it has status, activities, since and afk.`
        : `is ${shown(issue.input)}: write a table, or JSON such as {"status": "idle"}.`,
  },
)

/** A table, or JSON text. */
export function presence(): z.ZodType<Presence> {
  return z.preprocess(fromJson, PRESENCE).transform(({ activities, game, ...rest }, context): Presence => {
    const one: readonly Activity[] = game === undefined ? [] : [game]
    const whole = { ...rest, activities: activities ?? one }
    const bytes = Buffer.byteLength(JSON.stringify(whole))
    if (bytes > MAX_PRESENCE_BYTES) {
      const message = `is ${bytes} bytes of JSON: Identify has room for ${MAX_PRESENCE_BYTES}, so shorten its texts.`
      context.issues.push({ code: "custom", message, input: undefined })
    }
    return whole
  })
}

function fromJson(value: unknown): unknown {
  if (typeof value !== "string") return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
