// Gateway intents and their bits.
// Source: Discord's documentation, Gateway › Gateway Intents.

export const INTENT_BITS = {
  GUILDS: 0,
  GUILD_MEMBERS: 1,
  GUILD_MODERATION: 2,
  GUILD_EXPRESSIONS: 3,
  GUILD_INTEGRATIONS: 4,
  GUILD_WEBHOOKS: 5,
  GUILD_INVITES: 6,
  GUILD_VOICE_STATES: 7,
  GUILD_PRESENCES: 8,
  GUILD_MESSAGES: 9,
  GUILD_MESSAGE_REACTIONS: 10,
  GUILD_MESSAGE_TYPING: 11,
  DIRECT_MESSAGES: 12,
  DIRECT_MESSAGE_REACTIONS: 13,
  DIRECT_MESSAGE_TYPING: 14,
  MESSAGE_CONTENT: 15,
  GUILD_SCHEDULED_EVENTS: 16,
  AUTO_MODERATION_CONFIGURATION: 20,
  AUTO_MODERATION_EXECUTION: 21,
  GUILD_MESSAGE_POLLS: 24,
  DIRECT_MESSAGE_POLLS: 25,
} as const

export type Intent = keyof typeof INTENT_BITS

/** Intents that must be switched on in the developer portal before Discord grants them. */
export const PRIVILEGED_INTENTS: readonly Intent[] = ["GUILD_MEMBERS", "GUILD_PRESENCES", "MESSAGE_CONTENT"]

/** Former names that Discord keeps, and `GUILD`, which the Spectacles documentation writes for `GUILDS`. */
export const INTENT_ALIASES: Readonly<Record<string, Intent>> = {
  GUILD: "GUILDS",
  GUILD_BANS: "GUILD_MODERATION",
  GUILD_EMOJIS: "GUILD_EXPRESSIONS",
  GUILD_EMOJIS_AND_STICKERS: "GUILD_EXPRESSIONS",
}

/** Every documented intent. */
export const ALL_INTENTS = 53_608_447

/** The intent of that name or alias, or undefined when Discord has none. */
export function intentNamed(name: string): Intent | undefined {
  if (Object.hasOwn(INTENT_BITS, name)) return name as Intent
  return Object.hasOwn(INTENT_ALIASES, name) ? INTENT_ALIASES[name] : undefined
}

/** The bit field that Identify carries for these intents. */
export function intentBits(intents: readonly Intent[]): number {
  return intents.reduce((bits, intent) => bits | (1 << INTENT_BITS[intent]), 0)
}

export function hasIntent(bits: number, intent: Intent): boolean {
  return (bits & (1 << INTENT_BITS[intent])) !== 0
}
