import { describe, expect, test } from "bun:test"
import { EVENT_INTENTS } from "../../src/discord/events.ts"
import { ALL_INTENTS, INTENT_ALIASES, INTENT_BITS } from "../../src/discord/intents.ts"
import { problemsOf, read, warningsOf } from "../fixtures/gateway-config.ts"

const NO_INTENTS = { DISCORD_INTENTS: "" }
const NO_EVENTS = { DISCORD_EVENTS: "" }

describe("intents", () => {
  test("become one bit field", () => {
    expect(read('intents = ["GUILDS", "GUILD_MESSAGES"]', NO_INTENTS).config.intents).toBe(1 | (1 << 9))
    expect(read("", { DISCORD_INTENTS: "GUILDS, GUILD_MESSAGES," }).config.intents).toBe(1 | (1 << 9))
  })

  for (const name of [...Object.keys(INTENT_BITS), ...Object.keys(INTENT_ALIASES)]) {
    test(`may hold ${name}`, () => {
      expect(problemsOf("", { DISCORD_INTENTS: name })).toEqual([])
    })
  }

  test("may be raw bits", () => {
    expect(read(`raw_intents = ${ALL_INTENTS}`, NO_INTENTS).config.intents).toBe(ALL_INTENTS)
    expect(read("", { ...NO_INTENTS, DISCORD_RAW_INTENTS: "513" }).config.intents).toBe(513)
  })

  test("may be none at all, when that is said", () => {
    expect(read("intents = []", NO_INTENTS).config.intents).toBe(0)
    expect(read("raw_intents = 0", NO_INTENTS).config.intents).toBe(0)
  })

  test("of the environment win over raw ones of the file, and the other way round", () => {
    expect(read("raw_intents = 512").config.intents).toBe(1)
    expect(read('intents = ["GUILD_MESSAGES"]', { ...NO_INTENTS, DISCORD_RAW_INTENTS: "1" }).config.intents).toBe(1)
  })

  test("lose against raw ones in the same place, with a warning when they differ", () => {
    expect(read("", { DISCORD_RAW_INTENTS: "512" }).config.intents).toBe(512)
    expect(warningsOf("", { DISCORD_RAW_INTENTS: "512", DISCORD_EVENTS: "READY" })).toEqual([
      "DISCORD_INTENTS: intents is not used, because raw_intents is set too (512).",
    ])
    expect(warningsOf("", { DISCORD_RAW_INTENTS: "1" })).toEqual([])
  })

  const refused: readonly (readonly [string, string])[] = [
    [
      "GUILDZ",
      'DISCORD_INTENTS: intents[0] is "GUILDZ", which is no intent of Discord\'s. Did you mean GUILDS or GUILD?',
    ],
    [
      "guilds",
      'DISCORD_INTENTS: intents[0] is "guilds", which is no intent of Discord\'s. Did you mean GUILDS or GUILD?',
    ],
    ["GUILDS,XYZ", 'DISCORD_INTENTS: intents[1] is "XYZ", which is no intent of Discord\'s.'],
  ]
  for (const [value, problem] of refused) {
    test(`#36 says: ${problem}`, () => {
      expect(problemsOf("", { DISCORD_INTENTS: value })).toEqual([problem])
    })
  }

  test("#36 are asked for when they are missing", () => {
    expect(problemsOf("", NO_INTENTS)).toEqual([
      'DISCORD_INTENTS: intents are missing: set DISCORD_INTENTS or intents, such as ["GUILDS", "GUILD_MESSAGES"], or raw_intents.',
    ])
  })

  for (const raw of ["-1", "4294967296", "1.5", "all", "0x1"]) {
    test(`#36 refuses raw_intents ${raw}`, () => {
      expect(problemsOf("", { ...NO_INTENTS, DISCORD_RAW_INTENTS: raw })).toEqual([
        `DISCORD_RAW_INTENTS: raw_intents is "${raw}": write a whole number from 0 to 4294967295.`,
      ])
    })
  }

  test("#36 refuses a raw number past what a double holds", () => {
    expect(problemsOf("raw_intents = 9223372036854775807", NO_INTENTS)[0]).toStartWith(
      "gateway.toml:1: raw_intents is 9223372036854775807: write",
    )
  })

  test("with bits that Discord does not document draw a warning", () => {
    expect(warningsOf("", { ...NO_INTENTS, DISCORD_RAW_INTENTS: String(2 ** 31 + 2 ** 22 + 1) })).toEqual([
      "DISCORD_RAW_INTENTS: raw_intents sets bits 22, 31, which Discord does not document: it may refuse them.",
    ])
  })
})

describe("events", () => {
  test("are kept in order, each once", () => {
    expect(read('events = ["READY", "GUILD_CREATE", "READY"]', NO_EVENTS).config.events).toEqual([
      "READY",
      "GUILD_CREATE",
    ])
  })

  test("may all be named when all intents are", () => {
    const env = {
      DISCORD_EVENTS: Object.keys(EVENT_INTENTS).join(","),
      ...NO_INTENTS,
      DISCORD_RAW_INTENTS: `${ALL_INTENTS}`,
    }
    expect(warningsOf("", env)).toEqual([])
    expect(read("", env).config.events).toHaveLength(79)
  })

  test("may hold the gateway's own", () => {
    expect(warningsOf("", { DISCORD_EVENTS: "GATEWAY_GAP" })).toEqual([])
  })

  for (const [file, env] of [
    ["", { DISCORD_EVENTS: "" }],
    ["events = []", { DISCORD_EVENTS: undefined }],
    ["", { DISCORD_EVENTS: undefined }],
  ] as const) {
    test(`#36 are asked for when ${file === "" ? "they are missing" : "there are none"} (${JSON.stringify(env)})`, () => {
      expect(problemsOf(file, env)).toEqual([
        expect.stringContaining(
          'events are missing: set DISCORD_EVENTS or events to those to publish, such as ["MESSAGE_CREATE"].',
        ),
      ])
    })
  }

  for (const name of ["MESSAGE:CREATE", "MESSAGE CREATE", "A-B"]) {
    test(`#36 refuses ${JSON.stringify(name)}, which no broker could carry`, () => {
      expect(problemsOf("", { DISCORD_EVENTS: name })).toEqual([
        `DISCORD_EVENTS: events[0] is ${JSON.stringify(name)}: write an event's name, such as "MESSAGE_CREATE".`,
      ])
    })
  }

  const warned: readonly (readonly [event: string, intents: string, warning: string])[] = [
    ["GUILD_CREATED", "GUILDS", "GUILD_CREATED is no event that Discord documents. Did you mean GUILD_CREATE?"],
    ["message_create", "GUILDS", "message_create is no event that Discord documents. Did you mean MESSAGE_CREATE"],
    ["BRAND_NEW", "GUILDS", "BRAND_NEW is no event that Discord documents."],
    [
      "GUILD_MEMBER_ADD",
      "GUILDS",
      "GUILD_MEMBER_ADD never arrives without the intent GUILD_MEMBERS: add it, or drop the event.",
    ],
    [
      "MESSAGE_CREATE",
      "GUILDS,MESSAGE_CONTENT",
      "MESSAGE_CREATE never arrives without the intent GUILD_MESSAGES or DIRECT_MESSAGES: add it, or drop the event.",
    ],
  ]
  for (const [event, intents, warning] of warned) {
    test(`warns: ${warning}`, () => {
      const warnings = warningsOf("", { DISCORD_EVENTS: event, DISCORD_INTENTS: intents })
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).toStartWith(`DISCORD_EVENTS: ${warning}`)
    })
  }

  test("that one of several intents delivers draw no warning", () => {
    expect(warningsOf("", { DISCORD_EVENTS: "MESSAGE_CREATE", DISCORD_INTENTS: "DIRECT_MESSAGES" })).toEqual([])
  })

  test("that need no intent draw no warning", () => {
    expect(warningsOf("intents = []", { DISCORD_EVENTS: "INTERACTION_CREATE", ...NO_INTENTS })).toEqual([])
  })
})
