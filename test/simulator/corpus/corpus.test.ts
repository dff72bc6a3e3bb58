import { expect, test } from "bun:test"
import { isEventName } from "../../../src/discord/events.ts"
import { shardOf } from "../../../src/discord/snowflake.ts"
import { corpus } from "../../../src/simulator/corpus/corpus.ts"
import { makeWorld } from "../../../src/simulator/corpus/world.ts"

const text = (seed: number, count: number) => [...corpus({ seed, count })].map((event) => JSON.stringify(event))

test("the same seed gives the same events", () => {
  expect(text(7, 200)).toEqual(text(7, 200))
})

test("another seed gives other events", () => {
  expect(text(8, 20)).not.toEqual(text(7, 20))
})

test("every event has a name that Discord knows", () => {
  expect([...corpus({ seed: 1, count: 2_000 })].filter(({ t }) => !isEventName(t))).toEqual([])
})

test("payload sizes are those of real traffic", () => {
  const sizes = [...corpus({ seed: 42, count: 5_000 })]
    .map(({ t, d }, index) => Buffer.byteLength(JSON.stringify({ t, s: index + 1, op: 0, d })))
    .sort((a, b) => a - b)
  const mean = sizes.reduce((sum, size) => sum + size) / sizes.length
  expect(mean).toBeWithin(1_000, 1_300)
  expect(sizes[2_500]).toBeWithin(740, 880)
  expect(sizes.at(-1)).toBeWithin(50_000, 80_000)
})

test("contents hold other scripts, emoji and characters that JSON escapes", () => {
  const all = text(3, 2_000).join("")
  for (const sample of [
    "世界",
    "👩‍👩‍👧‍👦",
    String.raw`\"quoted\"`,
    String.raw`\n`,
    String.raw`\\temp`,
    String.raw`\u0007`,
  ])
    expect(all).toContain(sample)
})

test("guilds are shared out evenly over shards", () => {
  const { guildIds } = makeWorld({ seed: 5, guilds: 32 })
  for (const shardCount of [1, 2, 4, 8, 16]) {
    const shares = Array.from(
      { length: shardCount },
      (_, shard) => guildIds.filter((id) => shardOf(id, shardCount) === shard).length,
    )
    expect(shares).toEqual(Array(shardCount).fill(32 / shardCount))
  }
})

test("a guild is the same however late it is first looked at", () => {
  const early = makeWorld({ seed: 5, guilds: 3 })
  const late = makeWorld({ seed: 5, guilds: 3 })
  const [first, second] = early.guildIds
  if (first === undefined || second === undefined) throw new Error("The world has too few guilds.")
  early.guild(first)
  expect(early.guild(second)).toEqual(late.guild(second))
})

test("a guild can be as large as asked for", () => {
  const world = makeWorld({ seed: 1, guilds: 1, membersPerGuild: 1_500 })
  expect(world.guild(world.guildIds[0] ?? "")?.members).toHaveLength(1_500)
})
