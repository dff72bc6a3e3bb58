// Discord's events, held against its documentation.

import { describe, expect, test } from "bun:test"
import { EVENT_INTENTS, isEventName } from "../../src/discord/events.ts"

describe("events", () => {
  test("are the 79 that Discord documents", () => {
    expect(Object.keys(EVENT_INTENTS).length).toBe(79)
    expect(isEventName("MESSAGE_CREATE")).toBe(true)
    expect(isEventName("constructor")).toBe(false)
  })
})
