// The table of `spectacles shards`.

import { expect, test } from "bun:test"
import { age, shardsTable } from "../../src/bin/shards-table.ts"
import { viewOf } from "../../src/gateway/steering/steering.ts"

const NOW = 1_800_000_000_000
const plain = (_style: string, text: string) => text

test("the table has a line for each shard, those that run nowhere too, and a sum", () => {
  const view = viewOf([
    {
      node: "host-a-1",
      shardCount: 3,
      draining: true,
      shards: [
        {
          shard: 2,
          phase: "live",
          sessionId: "s",
          sessionStartedMs: NOW - 2 * 86_400_000 - 3 * 3_600_000,
          sequence: 812_345,
          latencyMs: 41.6,
          eventsPerSecond: 118.23,
          lastDown: { atMs: NOW - 300_000, reason: "Discord asked for a reconnect (op 7)" },
        },
      ],
    },
    {
      node: "b",
      shardCount: 3,
      draining: false,
      shards: [
        {
          shard: 0,
          phase: "queued",
          sessionId: null,
          sessionStartedMs: null,
          sequence: 0,
          latencyMs: null,
          eventsPerSecond: 0,
          lastDown: null,
        },
      ],
    },
  ])
  expect(shardsTable(view, NOW, plain)).toBe(`\
SHARD  OWNER                STATE   SESSION  SEQUENCE  LATENCY  EVENTS/S  LAST RECONNECT
    0  b                    queued        –         0        –       0.0  –
    1  nobody               –             –         –        –         –  –
    2  host-a-1 (draining)  live    2 d 3 h   812,345    42 ms     118.2  5 min ago: Discord asked for a reconnect (op 7)

1 of 3 shards live in 2 processes, 1 run nowhere.
`)
})

test("while the bot is resharded, those of both sets are told apart", () => {
  const shard = (id: number, count: number) => ({
    ...{
      shard: id,
      count,
      phase: "live" as const,
      sessionId: null,
      sessionStartedMs: null,
      sequence: 7,
      latencyMs: null,
    },
    ...{ eventsPerSecond: 0, lastDown: null },
  })
  const shards = [shard(0, 4), shard(0, 2), shard(1, 4)] as const
  const view = viewOf([{ node: "a", shardCount: 2, draining: false, shards }])
  expect(view.missing).toEqual([1])
  expect(shardsTable(view, NOW, plain)).toBe(`\
SHARD  OWNER   STATE  SESSION  SEQUENCE  LATENCY  EVENTS/S  LAST RECONNECT
  0/2  a       live         –         7        –       0.0  –
  1/2  nobody  –            –         –        –         –  –
  0/4  a       live         –         7        –       0.0  –
  1/4  a       live         –         7        –       0.0  –

1 of 2 shards live in one process, 1 run nowhere. The bot is resharded: 2 of 4 other shards live.
`)
})

test("a bot of which no process tells is said to have none", () => {
  expect(shardsTable(viewOf([]), NOW, plain)).toContain("No gateway runs")
})

test.each([
  [0, "0 s"],
  [-5_000, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [3_725_000, "1 h 2 min"],
  [86_400_000, "1 d"],
  [90_061_000, "1 d 1 h"],
])("%d ms are %s", (ms, text) => {
  expect(age(ms)).toBe(text)
})
