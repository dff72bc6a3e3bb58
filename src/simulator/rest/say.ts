// A user that writes in a channel: the MESSAGE_CREATE of it.
// Source: Discord's documentation, Message Resource › Message Object.

import { timestamp } from "../corpus/ids.ts"
import type { Message } from "../corpus/message.ts"
import { partialMember, type User } from "../corpus/user.ts"
import { emptyMessage, unknown } from "./api-error.ts"
import { mentionsOf } from "./compose.ts"
import type { RestContext } from "./context.ts"

export interface Saying {
  readonly content: string
  /** Default: the first text channel of the first guild. */
  readonly channelId?: string
  /** Default: the guild's first member that is no bot; in a direct message the one there is. */
  readonly userId?: string
}

/** The `d` of MESSAGE_CREATE. @throws ApiError when channel or user are not of the world, or nothing is said. */
export function userMessage({ content, channelId, userId }: Saying, context: RestContext): Message {
  const { directory, world, clock, newId } = context
  if (content === "") throw emptyMessage()
  const first = world.guildIds[0] === undefined ? undefined : world.guild(world.guildIds[0])
  const place = directory.place(channelId ?? first?.textChannels[0]?.id ?? "")
  const members = place.guild_id === undefined ? [] : directory.guild(place.guild_id).members
  const member = members.find(({ user }) => (userId === undefined ? user.bot !== true : user.id === userId))
  const recipients = place.guild_id === undefined ? (place["recipients"] as readonly User[]) : []
  const author = member?.user ?? recipients.find(({ id }) => userId === undefined || id === userId)
  if (author === undefined) throw unknown("user")
  return {
    type: 0,
    id: newId(),
    channel_id: place.id,
    content,
    author,
    attachments: [],
    embeds: [],
    components: [],
    mentions: mentionsOf(content, context, place),
    mention_roles: [],
    mention_everyone: false,
    pinned: false,
    tts: false,
    timestamp: timestamp(clock.wallMs()),
    edited_timestamp: null,
    flags: 0,
    channel_type: place.type,
    ...(member === undefined ? {} : { guild_id: place.guild_id, member: partialMember(member) }),
  }
}
