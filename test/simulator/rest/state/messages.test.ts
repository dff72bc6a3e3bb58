import { expect, test } from "bun:test"
import type { Message } from "../../../../src/simulator/corpus/message.ts"
import { Messages } from "../../../../src/simulator/rest/state/messages.ts"

const MAX_MESSAGES = 20_000

function message(id: number, channel: string): Message {
  return { id: String(id), channel_id: channel, content: "" } as unknown as Message
}

test("the oldest messages are forgotten, also where some were deleted before", () => {
  const messages = new Messages()
  messages.add(message(0, "a"))
  messages.add(message(1, "b"))
  messages.remove("a", "0")
  for (let id = 2; id < MAX_MESSAGES + 1; id++) messages.add(message(id, "c"))
  expect(messages.find("b", "1")).toBeDefined()
  messages.add(message(MAX_MESSAGES + 1, "c"))
  expect(messages.find("b", "1")).toBeUndefined()
  expect(messages.of("b")).toEqual([])
  expect(messages.of("c")).toHaveLength(MAX_MESSAGES)
  expect(messages.of("c")[0]?.message.id).toBe(String(MAX_MESSAGES + 1))
})

test("a channel's messages are forgotten with it", () => {
  const messages = new Messages()
  messages.add(message(1, "a"))
  messages.forgetChannel("a")
  expect(messages.find("a", "1")).toBeUndefined()
})
