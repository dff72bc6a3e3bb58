import { expect, test } from "bun:test"
import { intentBits } from "../../../src/discord/intents.ts"
import { misfitOf } from "../../../src/gateway/sessions/resumable.ts"

const GUILDS = intentBits(["GUILDS"])
const BOTH = intentBits(["GUILDS", "MESSAGE_CONTENT"])
const SESSION = { shard: 0, shardCount: 2, sessionId: "a", resumeUrl: null, sequence: 1, resumeFailures: 0 }

test("a session with the same shards and intents fits", () => {
  expect(misfitOf({ ...SESSION, intents: BOTH }, { count: 2, intents: BOTH })).toBeNull()
})

test("one for another number of shards does not", () => {
  expect(misfitOf(SESSION, { count: 4, intents: GUILDS })).toBe(
    "the stored session is for 2 shards and the configuration says 4.",
  )
})

test("one without an intent that is wanted now does not, and says which", () => {
  expect(misfitOf({ ...SESSION, intents: GUILDS }, { count: 2, intents: BOTH })).toBe(
    "the stored session was begun without MESSAGE_CONTENT, which the configuration asks for; it identifies.",
  )
})

test("one without an intent that nobody documents is told by its number", () => {
  expect(misfitOf({ ...SESSION, intents: GUILDS }, { count: 2, intents: GUILDS | (1 << 30) })).toContain(
    "without the intents 1073741824,",
  )
})

test("one with more intents than are wanted fits, and so does one whose intents nobody stored", () => {
  expect(misfitOf({ ...SESSION, intents: BOTH }, { count: 2, intents: GUILDS })).toBeNull()
  expect(misfitOf(SESSION, { count: 2, intents: BOTH })).toBeNull()
})
