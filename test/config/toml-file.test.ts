import { describe, expect, test } from "bun:test"
import { Report } from "../../src/config/problem.ts"
import { readToml } from "../../src/config/toml-file.ts"

describe("readToml", () => {
  test("gives the values and the place of each", () => {
    const file = readToml({ name: "x.toml", text: "a = 1\n[b]\nc = [\n1,\n2]\n" }, new Report())
    expect(JSON.parse(JSON.stringify(file?.root))).toEqual({ a: 1, b: { c: [1, 2] } })
    expect(file?.place(["b", "c", 1])).toBe("x.toml:5")
  })

  test("gives the place of the nearest part that is there", () => {
    const file = readToml({ name: "x.toml", text: "a = 1\n[b]\n" }, new Report())
    expect(file?.place(["b", "missing", 3])).toBe("x.toml:2")
    expect(file?.place(["missing"])).toBe("x.toml")
  })

  test("reads a file that begins with a byte order mark", () => {
    expect(readToml({ name: "x.toml", text: "\uFEFFa = 1\n" }, new Report())?.place(["a"])).toBe("x.toml:1")
  })

  const broken: readonly (readonly [string, string])[] = [
    ["a = 1\nb = \n", "x.toml:2: is not valid TOML: Unexpected character"],
    ["a = 1\na = 2\n", "x.toml:2: is not valid TOML: Can't redefine existing key."],
    ["a = 1\n[b\n", "x.toml:2: is not valid TOML: "],
  ]
  for (const [text, message] of broken) {
    test(`#36 reports the line of the mistake in ${JSON.stringify(text)}`, () => {
      const report = new Report()
      expect(readToml({ name: "x.toml", text }, report)).toBeUndefined()
      expect(report.problems.map((one) => `${one.place}: ${one.message}`).join()).toStartWith(message)
    })
  }

  test("#35 does not quote the line, which may hold the token", () => {
    const report = new Report()
    readToml({ name: "x.toml", text: 'token = "short-secret\n' }, report)
    expect(JSON.stringify(report.problems)).not.toContain("short-secret")
  })
})
