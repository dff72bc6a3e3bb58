// The identity of an event that survives a reshard. Two sessions number the same event differently; where the event's own
// content names it, that is its key, and both sessions give it the same one. Where nothing in it does, there is none, and
// the session's `session:sequence` stays its only identity.
//
// A key must never join two events that differ in meaning: whoever drops duplicates by it would lose one. So an event that
// may come again with the same ids has none: a reaction added twice, a member who leaves twice, a message that was edited
// once and then got its embeds (MESSAGE_UPDATE twice, with one edited_timestamp).

/** The fields that name an event, as paths into `d`; the first list whose fields are all there counts. */
type Identity = readonly (readonly string[])[]

const ID: Identity = [["id"]]

/** Every event that has an identity of its own. */
export const EVENT_IDENTITIES: Readonly<Record<string, Identity>> = {
  INTERACTION_CREATE: ID,
  MESSAGE_CREATE: ID,
  MESSAGE_DELETE: ID,
  // A message is deleted once: the first of a bulk names it.
  MESSAGE_DELETE_BULK: [["channel_id", "ids.0"]],
  GUILD_AUDIT_LOG_ENTRY_CREATE: ID,
  CHANNEL_CREATE: ID,
  CHANNEL_DELETE: ID,
  // Without `newly_created` it says that the bot was let in, which may happen again.
  THREAD_CREATE: [["id", "newly_created"]],
  THREAD_DELETE: ID,
  GUILD_ROLE_CREATE: [["guild_id", "role.id"]],
  GUILD_ROLE_DELETE: [["guild_id", "role_id"]],
  // Who joins again has another `joined_at`.
  GUILD_MEMBER_ADD: [["guild_id", "user.id", "joined_at"]],
  GUILD_SCHEDULED_EVENT_CREATE: ID,
  GUILD_SCHEDULED_EVENT_DELETE: ID,
  GUILD_SOUNDBOARD_SOUND_CREATE: [["guild_id", "sound_id"]],
  GUILD_SOUNDBOARD_SOUND_DELETE: [["guild_id", "sound_id"]],
  STAGE_INSTANCE_CREATE: ID,
  STAGE_INSTANCE_DELETE: ID,
  AUTO_MODERATION_RULE_CREATE: ID,
  AUTO_MODERATION_RULE_DELETE: ID,
  // One for each action that a rule takes for a message.
  AUTO_MODERATION_ACTION_EXECUTION: [["rule_id", "message_id", "action.type"]],
  INTEGRATION_CREATE: [["guild_id", "id"]],
  INTEGRATION_DELETE: [["guild_id", "id"]],
  ENTITLEMENT_CREATE: ID,
  ENTITLEMENT_DELETE: ID,
  SUBSCRIPTION_CREATE: ID,
  SUBSCRIPTION_DELETE: ID,
  INVITE_CREATE: [["code", "created_at"]],
  TYPING_START: [["channel_id", "user_id", "timestamp"]],
}

/** The answers to a packet, which only the session gets that sent it: they belong to no guild's turn. */
export const SESSION_EVENTS: ReadonlySet<string> = new Set([
  "READY",
  "RESUMED",
  "RATE_LIMITED",
  "GUILD_MEMBERS_CHUNK",
  "CHANNEL_INFO",
  "SOUNDBOARD_SOUNDS",
])

/** `MESSAGE_CREATE:1234`; null where the event's content does not name it. */
export function eventKey(t: string, d: unknown): string | null {
  const identities = Object.hasOwn(EVENT_IDENTITIES, t) ? EVENT_IDENTITIES[t] : undefined
  for (const paths of identities ?? []) {
    const values = paths.map((path) => valueAt(d, path))
    if (values.every((value) => value !== null)) return [t, ...values].join(":")
  }
  return null
}

/** A text, a number or `true`; null for everything else. */
function valueAt(d: unknown, path: string): string | null {
  let value = d
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return null
    value = Reflect.get(value, name)
  }
  if (typeof value === "string" && value !== "") return value
  return typeof value === "number" || value === true ? String(value) : null
}
