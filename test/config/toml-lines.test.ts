import { describe, expect, test } from "bun:test"
import { parse } from "@iarna/toml"
import { type TomlPath, tomlLines } from "../../src/config/toml-lines.ts"

const FILE = `# a comment with = and [brackets]
token = "a # no comment \\" = [x]" # one
events = [ # two
  "A", # not ] the end
  "B,]",

  'C',
]
quoted."a.b" = 1
"esc\\u0061ped" = """
two = "lines" \\"""
"""
literal = '''
three = 'lines' '''
[shards] # table
count = 2
ids = [0, [1, 2],
  { k = 3 }]

[ presence . "game" ]
name = "chess"
start = 2020-01-01 07:32:00
[[presence.activities]]
name = "one"
[[presence.activities]]
name = "two"
[presence.activities.timestamps]
start = 1
`

describe("tomlLines", () => {
  const lines = tomlLines(FILE)
  const cases: readonly (readonly [TomlPath, number])[] = [
    [["token"], 2],
    [["events"], 3],
    [["events", 0], 4],
    [["events", 1], 5],
    [["events", 2], 7],
    [["quoted"], 9],
    [["quoted", "a.b"], 9],
    [["escaped"], 10],
    [["literal"], 13],
    [["shards"], 15],
    [["shards", "count"], 16],
    [["shards", "ids", 1, 1], 17],
    [["shards", "ids", 2, "k"], 18],
    [["presence", "game", "name"], 21],
    [["presence", "game", "start"], 22],
    [["presence", "activities"], 23],
    [["presence", "activities", 0, "name"], 24],
    [["presence", "activities", 1], 25],
    [["presence", "activities", 1, "name"], 26],
    [["presence", "activities", 1, "timestamps", "start"], 28],
  ]
  for (const [path, line] of cases) {
    test(`finds ${JSON.stringify(path)} in line ${line}`, () => {
      expect(lines.get(JSON.stringify(path))).toBe(line)
    })
  }

  test("knows every key and element that the parser reads, and no other", () => {
    expect([...lines.keys()].sort()).toEqual([...pathsOf(parse(FILE), [])].sort())
  })

  test("counts lines of a file with Windows line ends", () => {
    expect(tomlLines("a = 1\r\n\r\n[b]\r\nc = 2\r\n").get('["b","c"]')).toBe(4)
  })

  test("ends on any text, even on text that is not TOML", () => {
    const pieces = ['"', "'", '"""', "[", "[[", "]", "{", "}", "=", ",", ".", "\n", "\\", "#", "a", " ", "1"]
    let seed = 1
    for (let round = 0; round < 2_000; round += 1) {
      let text = ""
      for (let length = 0; length < 12; length += 1) {
        seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
        text += pieces[seed % pieces.length]
      }
      expect(tomlLines(text)).toBeInstanceOf(Map)
    }
  })
})

function* pathsOf(value: unknown, path: TomlPath): Generator<string> {
  if (path.length > 0) yield JSON.stringify(path)
  if (typeof value !== "object" || value === null || value instanceof Date) return
  for (const [key, inner] of Object.entries(value))
    yield* pathsOf(inner, [...path, Array.isArray(value) ? Number(key) : key])
}
