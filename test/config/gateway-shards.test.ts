import { describe, expect, test } from "bun:test"
import { problemsOf, read } from "../fixtures/gateway-config.ts"

const RESHARD = { isAuto: false, reshardSkewMs: 10_000 } as const

describe("shards", () => {
  const accepted: readonly (readonly [string, object])[] = [
    ["", {}],
    ["count = 16", { count: 16 }],
    ["count = 16\nids = []", { count: 16 }],
    ["count = 16\nids = [3]", { count: 16, ids: [3] }],
    ['count = 16\nids = "12-15"', { count: 16, ids: [12, 13, 14, 15] }],
    ['count = 16\nids = [5, "0-1"]', { count: 16, ids: [0, 1, 5] }],
  ]
  for (const [text, shards] of accepted) {
    test(`are ${JSON.stringify(shards)} for ${JSON.stringify(text)}`, () => {
      expect(read(`[shards]\n${text}`).config.shards).toEqual(shards)
    })
  }

  const refused: readonly (readonly [string, string])[] = [
    ["ids = [0]", "2: shards.ids needs shards.count: set it to the number of the bot's shards over all processes."],
    ["count = 0\nids = [0]", "3: shards.ids needs shards.count: set it to the number of the bot's shards"],
    [
      "count = 2\nids = [0, 2]",
      "3: shards.ids holds 2 but shards.count is 2: every id must be smaller than the count.",
    ],
    ["count = 4\nids = [1, 1]", "3: shards.ids holds 1 twice: write each shard once."],
    ['count = 4\nids = ["0-2", 1]', "3: shards.ids holds 1 twice: write each shard once."],
    ["count = 4\nids = [-1]", '3: shards.ids[0] is -1: write a shard\'s id, or a range such as "0-15".'],
    ['count = 4\nids = ["3-1"]', '3: shards.ids[0] is "3-1": write a shard\'s id, or a range such as "0-15".'],
    ['count = 4\nids = ["0-999999999"]', '3: shards.ids[0] is "0-999999999": write a shard\'s id, or a range'],
    ['count = 4\nids = ["a"]', '3: shards.ids[0] is "a": write a shard\'s id, or a range such as "0-15".'],
    ["count = 'x'\nids = [0]", '2: shards.count is "x": write a whole number from 0 to 100000, or "auto".'],
  ]
  for (const [text, problem] of refused) {
    test(`#36 says: ${problem}`, () => {
      const problems = problemsOf(`[shards]\n${text}`)
      expect(problems).toHaveLength(1)
      expect(problems[0]).toStartWith(`gateway.toml:${problem}`)
    })
  }

  test("may come partly from the environment", () => {
    expect(read("[shards]\ncount = 4", { DISCORD_SHARD_IDS: "0,1" }).config.shards).toEqual({ count: 4, ids: [0, 1] })
    expect(problemsOf("[shards]\ncount = 4", { DISCORD_SHARD_IDS: "4" })).toEqual([
      "DISCORD_SHARD_IDS: shards.ids holds 4 but shards.count is 4: every id must be smaller than the count.",
    ])
  })
})

describe("leases of shards", () => {
  const SHARED =
    '[shard_store]\ntype = "redis"\n[broker]\ntype = "amqp"\n[amqp]\nurl = "amqp://mq"\n[redis]\nurl = "redis://r"\n'
  const shards = (text: string) => `${SHARED}[shards]\nownership = "redis"\n${text}`

  test("are for 10 s, with a weight of 1 and no bound, unless something else is said", () => {
    expect(read(shards("")).config.shards).toEqual({
      leases: { leaseMs: 10_000, weight: 1, capacity: 100_000, ...RESHARD },
    })
    const said = 'count = 8\nlease = "4s"\nweight = 3\nmax = 16\nmax_load = 0.7'
    expect(read(shards(said)).config.shards).toEqual({
      count: 8,
      leases: { leaseMs: 4_000, weight: 3, capacity: 16, maxLoad: 0.7, ...RESHARD },
    })
  })

  test("let the bot outgrow its shards where the count is auto", () => {
    const { count, leases } = read(shards('count = "auto"\nreshard_skew = "2s"')).config.shards
    expect([count, leases?.isAuto, leases?.reshardSkewMs]).toEqual([undefined, true, 2_000])
    expect(problemsOf("", { DISCORD_SHARD_COUNT: "auto" })).toEqual([
      'DISCORD_SHARD_COUNT: shards.count is "auto", which needs shards.ownership "redis": write 0 for as many as Discord recommends.',
    ])
  })

  const refused: readonly (readonly [string, string])[] = [
    [shards('lease = "500ms"'), "shards.lease is 500ms: write a duration from 1s to 1m."],
    [shards('reshard_skew = "10ms"'), "shards.reshard_skew is 10ms: write a duration from 100ms to 1m."],
    [shards('lease = "2m"'), "shards.lease is 2m: write a duration from 1s to 1m."],
    [
      shards("count = 2\nids = [0]"),
      'shards.ids fixes shards and shards.ownership is "redis", which shares them out: keep one of the two.',
    ],
    [
      shards('[identify]\nqueue = "memory"'),
      'shards.ownership is "redis", which needs identify.queue "redis", but that is "memory": leave it out.',
    ],
    [
      shards("").replace('type = "redis"', 'type = "memory"'),
      'shards.ownership is "redis", which needs shard_store.type "redis", but that is "memory".',
    ],
    [
      shards("").replace('type = "amqp"', 'type = "stdio"'),
      'shards.ownership is "redis", which needs a broker that processes share, but broker.type is "stdio": use "redis" or "amqp".',
    ],
  ]
  for (const [text, problem] of refused) {
    test(`#36 says: ${problem}`, () => {
      expect(problemsOf(text).map((one) => one.replace(/^gateway\.toml:\d+: /, ""))).toEqual([problem])
    })
  }
})
