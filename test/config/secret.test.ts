import { describe, expect, test } from "bun:test"
import { format, inspect } from "node:util"
import { hideTokens, Secret } from "../../src/config/secret.ts"

const TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"

describe("Secret", () => {
  const secret = new Secret(TOKEN)
  const ways: readonly (readonly [string, () => string])[] = [
    ["String", () => String(secret)],
    ["a template", () => `${secret}`],
    ["concatenation", () => "".concat(secret as unknown as string)],
    ["JSON", () => JSON.stringify({ secret })],
    ["util.inspect", () => inspect({ deep: { secret } }, { depth: null, showHidden: true })],
    ["util.format", () => format("%s %o %O %j", secret, secret, secret, secret)],
    ["Bun.inspect", () => Bun.inspect({ secret })],
    ["an error", () => inspect(new Error("failed", { cause: secret }))],
    ["its own keys", () => JSON.stringify([Object.entries(secret), { ...secret }])],
    ["a deep equality failure", () => inspect(structuredCloneOf(secret))],
  ]
  for (const [way, print] of ways) {
    test(`#35 hides the token from ${way}`, () => {
      expect(print()).not.toContain(TOKEN)
    })
  }

  test("shows that something is there", () => {
    expect(String(secret)).toBe("***")
  })

  test("reveals the text to whoever asks for it", () => {
    expect(secret.reveal()).toBe(TOKEN)
  })

  test("shows a URL without its password", () => {
    const url = Secret.url("redis://bot:hunter2@cache:6379/1")
    expect(String(url)).toBe("redis://bot:***@cache:6379/1")
    expect(url.reveal()).toBe("redis://bot:hunter2@cache:6379/1")
  })
})

test("#35 hides whatever has the shape of a token inside a text", () => {
  expect(hideTokens(`cannot open ${TOKEN}: no such file`)).toBe("cannot open ***: no such file")
})

function structuredCloneOf(value: unknown): unknown {
  try {
    return structuredClone(value)
  } catch {
    return undefined
  }
}
