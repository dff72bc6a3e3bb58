// The flags of an application that say which privileged intents its bot was granted: one for bots in 100 guilds and more,
// which Discord has verified, one for those below.
// Source: Discord's documentation, Application › Application Flags.

import type { Intent } from "./intents.ts"

export const GRANTING_FLAGS: Readonly<Partial<Record<Intent, number>>> = {
  GUILD_PRESENCES: (1 << 12) | (1 << 13),
  GUILD_MEMBERS: (1 << 14) | (1 << 15),
  MESSAGE_CONTENT: (1 << 18) | (1 << 19),
}
