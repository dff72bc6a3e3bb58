// The gateway's settings of the bot: what to connect as, and what for. The keys of the file that stand in no table.

import { botToken, eventNames, intents, presence } from "./discord-values.ts"
import { COMPRESSION_SETTINGS, type Presence } from "./gateway-config.ts"
import { optional, setting } from "./settings.ts"
import { choice, integer, text } from "./values.ts"

const API_VERSION = 10
const MAX_API_VERSION = 99
/** Identify carries intents as a number that the original gateway read as 32 bits. */
const MAX_RAW_INTENTS = 2 ** 32 - 1

export const BOT_SETTINGS = {
  token: optional({
    otherwise: "needed",
    about: "The bot's token. Quotes and spaces around it and the word `Bot` before it are taken off. Never printed.",
    variables: ["DISCORD_TOKEN"],
    schema: botToken(),
    print: String,
  }),
  token_file: optional({
    isOwn: true,
    about:
      "A file that holds the token, such as `/run/secrets/token`. A relative path starts at the working folder. Instead of `token`, not beside it in the same place.",
    variables: ["DISCORD_TOKEN_FILE"],
    schema: text("write the path of a file."),
  }),
  events: optional({
    otherwise: "needed",
    about:
      "The events to publish. A name that Discord does not document, or that the intents never deliver, is a warning.",
    variables: ["DISCORD_EVENTS"],
    schema: eventNames(),
  }),
  intents: optional({
    otherwise: "needed",
    about:
      "The intents to ask for. Discord's former names and `GUILD` for `GUILDS` are known. `[]` asks for none. Where a restart asks for more than before, it begins new sessions, since Discord never changes those of one.",
    variables: ["DISCORD_INTENTS"],
    schema: intents(),
  }),
  raw_intents: optional({
    about: "The same as a number. It wins over `intents` in the same place.",
    variables: ["DISCORD_RAW_INTENTS"],
    schema: integer(0, MAX_RAW_INTENTS),
  }),
  gateway_version: setting({
    about: "The version of Discord's gateway.",
    variables: ["DISCORD_GATEWAY_VERSION"],
    schema: integer(1, MAX_API_VERSION),
    fallback: API_VERSION,
  }),
  compression: setting({
    isOwn: true,
    about:
      "How Discord compresses what it sends: `zstd`, `zlib` or `none`. `auto`: `zstd` on the native codec, `zlib` on the portable one, which is what costs each of them less.",
    variables: ["DISCORD_COMPRESSION"],
    schema: choice(COMPRESSION_SETTINGS),
    fallback: "auto",
  }),
  presence: optional({
    about: "What the bot shows: `status`, `activities`, `since` and `afk`, as a table or JSON.",
    variables: ["DISCORD_PRESENCE"],
    schema: presence(),
    print: withoutNull,
  }),
} as const

/** A presence as TOML can hold it, which has no null. */
function withoutNull(value: Presence | undefined): object | undefined {
  if (value?.since !== null) return value
  const { since: _, ...rest } = value
  return rest
}
