import { describe, expect, test } from "bun:test"
import { hideUrlPassword } from "../../src/config/url-password.ts"

describe("hideUrlPassword", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["redis://localhost:6379", "redis://localhost:6379"],
    ["redis://:secret@localhost:6379/2", "redis://:***@localhost:6379/2"],
    ["rediss://bot:secret@host", "rediss://bot:***@host"],
    ["amqp://bot@host/vhost", "amqp://bot@host/vhost"],
    ["bot:secret@localhost", "bot:***@localhost"],
    ["amqp://bot:p@ss:w/rd@host", "amqp://bot:***@host"],
    ["redis://host:6379/?password=secret&db=1", "redis://host:6379/?password=***&db=1"],
    ["not a URL", "not a URL"],
    ["", ""],
  ]
  for (const [url, printed] of cases) {
    test(`#35 prints ${JSON.stringify(url)} as ${JSON.stringify(printed)}`, () => {
      expect(hideUrlPassword(url)).toBe(printed)
    })
  }
})
