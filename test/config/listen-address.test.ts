import { describe, expect, test } from "bun:test"
import { formatListenAddress, parseListenAddress } from "../../src/config/listen-address.ts"

describe("parseListenAddress", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    [":8080", "0.0.0.0", 8080],
    ["8080", "0.0.0.0", 8080],
    ["0.0.0.0:8080", "0.0.0.0", 8080],
    ["[::1]:9000", "::1", 9000],
    ["localhost:0", "localhost", 0],
    [" metrics.internal:65535 ", "metrics.internal", 65_535],
  ]
  for (const [text, hostname, port] of cases) {
    test(`reads ${JSON.stringify(text)}`, () => {
      expect(parseListenAddress(text)).toEqual({ hostname, port })
    })
  }

  for (const text of [
    "",
    "localhost",
    "localhost:",
    ":65536",
    "::1:9000",
    "http://localhost:80",
    "a b:80",
    ":-1",
    "1.5",
  ]) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      expect(parseListenAddress(text)).toBeUndefined()
    })
  }
})

test("formatListenAddress puts an IPv6 address in brackets", () => {
  expect(formatListenAddress({ hostname: "::1", port: 9000 })).toBe("[::1]:9000")
  expect(formatListenAddress({ hostname: "0.0.0.0", port: 80 })).toBe("0.0.0.0:80")
})
