import { expect, test } from "bun:test"
import { parseSession } from "../../../src/gateway/sessions/stored-session.ts"

const SESSION = {
  shard: 0,
  shardCount: 2,
  sessionId: "a",
  resumeUrl: "wss://a.discord.gg",
  sequence: 1,
  resumeFailures: 0,
}

test("a session is read as it was stored", () => {
  expect(parseSession(JSON.stringify(SESSION))).toEqual(SESSION)
  expect(parseSession(JSON.stringify({ ...SESSION, resumeUrl: null }))).toEqual({ ...SESSION, resumeUrl: null })
})

test("what is none is null", () => {
  for (const text of ["", "null", "[]", "{}", JSON.stringify({ ...SESSION, sequence: -1 })]) {
    expect(parseSession(text)).toBeNull()
  }
})

test.each(["", "nonsense", "https://a.discord.gg", "wss://", "wss://a b"])(
  "a resume URL that cannot be dialled (%j) counts as absent, so that nobody ends by it",
  (resumeUrl) => {
    expect(parseSession(JSON.stringify({ ...SESSION, resumeUrl }))).toEqual({ ...SESSION, resumeUrl: null })
  },
)
