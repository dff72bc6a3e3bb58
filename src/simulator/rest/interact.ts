// A user that uses one of the bot's commands: the INTERACTION_CREATE of it.
// Source: Discord's documentation, Receiving and Responding › Interaction Object.

import { randomBytes } from "node:crypto"
import type { Member, User } from "../corpus/user.ts"
import type { RestContext } from "./context.ts"
import type { ApplicationCommand } from "./state/commands.ts"
import type { Place } from "./state/directory.ts"

export interface CommandUse {
  /** Its name. One that is not registered is made up. */
  readonly command: string
  /** Default: the first text channel of the first guild. */
  readonly channelId?: string
  /** Default: the guild's first member that is not the bot. */
  readonly userId?: string
  readonly options?: readonly object[]
}

const APPLICATION_COMMAND = 2
const CHAT_INPUT = 1
const TOKEN_BYTES = 96

/** The `d` of INTERACTION_CREATE. @throws ApiError when channel or user are not of the world. */
export function commandUse({ command, channelId, userId, options = [] }: CommandUse, context: RestContext): object {
  const { directory, world } = context
  const first = world.guildIds[0] === undefined ? undefined : world.guild(world.guildIds[0])
  const place = directory.place(channelId ?? first?.textChannels[0]?.id ?? "")
  const members = place.guild_id === undefined ? [] : directory.guild(place.guild_id).members
  const member = members.find(({ user }) => (userId === undefined ? user.id !== world.bot.id : user.id === userId))
  const known = context.commands.visibleIn(place.guild_id ?? "").find(({ name }) => name === command)
  return interaction(context, { place, member, known, name: command, options })
}

interface Use {
  readonly place: Place
  readonly member: Member | undefined
  readonly known: ApplicationCommand | undefined
  readonly name: string
  readonly options: readonly object[]
}

function interaction({ newId, world }: RestContext, { place, member, known, name, options }: Use): object {
  const permissions = "2222085186637376"
  const who =
    member === undefined
      ? { user: (place["recipients"] as readonly User[] | undefined)?.[0] ?? world.bot }
      : { guild_id: place.guild_id, guild_locale: "en-US", member: { ...member, permissions } }
  return {
    version: 1,
    type: APPLICATION_COMMAND,
    token: randomBytes(TOKEN_BYTES).toString("base64url"),
    locale: "en-US",
    id: newId(),
    entitlements: [],
    ...who,
    data: {
      type: known?.type ?? CHAT_INPUT,
      name,
      id: known?.id ?? newId(),
      ...(options.length > 0 ? { options } : {}),
    },
    context: member === undefined ? 1 : 0,
    channel_id: place.id,
    channel: place,
    authorizing_integration_owners: place.guild_id === undefined ? {} : { "0": place.guild_id },
    attachment_size_limit: 10 * 1024 * 1024,
    application_id: world.bot.id,
    app_permissions: permissions,
  }
}
