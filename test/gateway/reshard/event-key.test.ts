// The identity of an event that survives a reshard.

import { describe, expect, test } from "bun:test"
import { EVENT_INTENTS } from "../../../src/discord/events.ts"
import { EVENT_IDENTITIES, eventKey, SESSION_EVENTS } from "../../../src/gateway/reshard/event-key.ts"

describe("an event's key", () => {
  test.each([
    ["MESSAGE_CREATE", { id: "1", content: "a" }, "MESSAGE_CREATE:1"],
    ["INTERACTION_CREATE", { id: "2", type: 2 }, "INTERACTION_CREATE:2"],
    ["MESSAGE_DELETE_BULK", { channel_id: "5", ids: ["7", "8"] }, "MESSAGE_DELETE_BULK:5:7"],
    ["GUILD_ROLE_CREATE", { guild_id: "1", role: { id: "9" } }, "GUILD_ROLE_CREATE:1:9"],
    [
      "GUILD_MEMBER_ADD",
      { guild_id: "1", user: { id: "4" }, joined_at: "2026-01-01T00:00:00Z" },
      "GUILD_MEMBER_ADD:1:4:2026-01-01T00:00:00Z",
    ],
    ["TYPING_START", { channel_id: "1", user_id: "2", timestamp: 1_700_000_000 }, "TYPING_START:1:2:1700000000"],
    ["THREAD_CREATE", { id: "3", newly_created: true }, "THREAD_CREATE:3:true"],
  ])("%s %j is %s", (t, d, key) => {
    expect(eventKey(t, d)).toBe(key)
  })

  test.each([
    ["a message that is updated twice after one edit", "MESSAGE_UPDATE", { id: "1", edited_timestamp: "t" }],
    ["a reaction that is added again", "MESSAGE_REACTION_ADD", { message_id: "1", user_id: "2", emoji: { name: "x" } }],
    ["a member who leaves again", "GUILD_MEMBER_REMOVE", { guild_id: "1", user: { id: "2" } }],
    ["a thread that the bot is let into", "THREAD_CREATE", { id: "3" }],
    ["an action for no message", "AUTO_MODERATION_ACTION_EXECUTION", { rule_id: "1", action: { type: 1 } }],
    ["an event that nobody knows", "NEW_EVENT", { id: "1" }],
    ["an event named like a property of objects", "constructor", { id: "1" }],
    ["an id that is none", "MESSAGE_CREATE", { id: null }],
    ["no object", "MESSAGE_CREATE", "text"],
  ])("%s has none", (_, t, d) => {
    expect(eventKey(t, d)).toBeNull()
  })

  test("is known for documented events only, and never for what belongs to one session", () => {
    for (const name of Object.keys(EVENT_IDENTITIES)) {
      expect(Object.keys(EVENT_INTENTS)).toContain(name)
      expect(SESSION_EVENTS.has(name)).toBe(false)
    }
  })
})
