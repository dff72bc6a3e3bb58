// What the commands mean: which process an order is for.

import { describe, expect, test } from "bun:test"
import type { NodeReport, Order, OrderResult, ShardReport } from "../../../src/gateway/steering/node.ts"
import { type SteeringCommand, steer, viewOf } from "../../../src/gateway/steering/steering.ts"

const shard = (id: number): ShardReport => ({
  shard: id,
  phase: "live",
  sessionId: `s${id}`,
  sessionStartedMs: 1_000,
  sequence: 10,
  latencyMs: 40,
  eventsPerSecond: 1,
  lastDown: null,
})
const node = (name: string, shards: readonly number[]): NodeReport => ({
  node: name,
  shardCount: 5,
  draining: false,
  shards: shards.map(shard),
})

const REPORTS = [node("host-b-2", [3, 1]), node("host-a-1", [0]), node("host-a-12", [])]

describe("the view of a fleet", () => {
  test("shows every shard by its id, and those that run nowhere", () => {
    const { shardCount, nodes, shards, missing } = viewOf(REPORTS)
    expect(shardCount).toBe(5)
    expect(nodes.map(({ node: name, shards: count }) => [name, count])).toEqual([
      ["host-a-1", 1],
      ["host-a-12", 0],
      ["host-b-2", 2],
    ])
    expect(shards.map((one) => [one.shard, one.node])).toEqual([
      [0, "host-a-1"],
      [1, "host-b-2"],
      [3, "host-b-2"],
    ])
    expect(missing).toEqual([2, 4])
  })

  test("of nobody is empty", () => {
    expect(viewOf([])).toEqual({ shardCount: null, nodes: [], shards: [], missing: [] })
  })

  test("shows a shard twice that two processes report", () => {
    expect(viewOf([node("a", [0]), node("b", [0])]).shards.map((one) => one.node)).toEqual(["a", "b"])
  })
})

describe("an order", () => {
  const give = async (command: SteeringCommand, reports: readonly NodeReport[] = REPORTS) => {
    const given: [string, Order][] = []
    const result = await steer(
      {
        view: async () => viewOf(reports),
        async order(name, order): Promise<OrderResult> {
          given.push([name, order])
          return { type: "done" }
        },
      },
      command,
    )
    return { given, reason: result.type === "refused" ? result.reason : null }
  }

  test("to restart or move a shard goes to whoever runs it", async () => {
    expect((await give({ type: "restart", shard: 3 })).given).toEqual([["host-b-2", { type: "restart", shard: 3 }]])
    expect((await give({ type: "move", shard: 0, to: "host-b-2" })).given).toEqual([
      ["host-a-1", { type: "move", shard: 0, to: "host-b-2" }],
    ])
  })

  test("names a process by the beginning of its name, where that is one's alone", async () => {
    expect((await give({ type: "drain", node: "host-b" })).given).toEqual([["host-b-2", { type: "drain" }]])
    expect((await give({ type: "drain", node: "host-a-1" })).given).toEqual([["host-a-1", { type: "drain" }]])
    expect((await give({ type: "drain", node: "host-a" })).reason).toBe(
      'Cannot tell which process "host-a" is: host-a-1, host-a-12.',
    )
  })

  test("for a process that is not there says which are", async () => {
    expect((await give({ type: "move", shard: 0, to: "nowhere" })).reason).toBe(
      'Cannot find the process "nowhere": there are host-a-1, host-a-12, host-b-2.',
    )
    expect((await give({ type: "drain", node: "" }, [])).reason).toBe('Cannot find the process "": there are none.')
  })

  test("for a shard that runs nowhere, or that the bot does not have, says so", async () => {
    expect((await give({ type: "restart", shard: 2 })).reason).toContain("no process runs it now")
    expect((await give({ type: "restart", shard: 9 })).reason).toContain("the shards 0 to 4")
  })
})
