import { expect, test } from "bun:test"
import type { RedisClient } from "../../../src/client/redis/client.ts"
import { replier } from "../../../src/client/redis/reply.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"

/** Says how many receive each publish, and how many subscribe at each look, in turn. */
function redisWith(receivers: number[], subscribers: number[], isCluster: boolean) {
  const published: unknown[][] = []
  const client: RedisClient = {
    isCluster,
    call: async (command, ...args) => {
      if (command === "pubsub") return [args[1], subscribers.shift() ?? 0]
      published.push([command, ...args])
      return receivers.shift() ?? 0
    },
    callBuffer: () => Promise.reject(new Error("not used")),
    duplicate: () => client,
    disconnect: () => {},
    psubscribe: async () => {},
    punsubscribe: async () => {},
    on: () => {},
  }
  return { client, published }
}

/** How often it is published. */
async function run(receivers: number[], subscribers: number[] = [], isCluster = false): Promise<number> {
  const clock = new FakeClock()
  const { client, published } = redisWith(receivers, subscribers, isCluster)
  let isReplied = false
  const replied = replier(
    client,
    "E:1-0",
    clock,
  )(Buffer.from([1])).then(() => {
    isReplied = true
  })
  const turns = async () => {
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
  }
  for (await turns(); clock.step() || !isReplied; ) await turns()
  await replied
  expect(published[0]).toEqual(["publish", "E:1-0", Buffer.from([1])])
  return published.length
}

test("publishes again while nobody listens, and gives up after a moment", async () => {
  expect(await run([0, 0, 0, 0, 0, 0, 0, 0, 0])).toBe(7)
})

test("publishes again while a caller listens that may not have heard, until it leaves", async () => {
  expect(await run([1], [1, 1, 0])).toBe(3)
  expect(await run([0, 0, 1], [0])).toBe(3)
  expect(await run([1], [1, 1, 1, 1, 1, 1, 1, 1, 1])).toBe(6)
})

test("publishes again for a caller that comes late, when somebody else has heard", async () => {
  expect(await run([1], [0, 0, 1, 0])).toBe(2)
})

test("publishes a reply that was heard once", async () => {
  expect(await run([1], [0, 0, 0, 0])).toBe(1)
})

test("publishes a reply in a cluster three times, without minding how many are said to have received it", async () => {
  expect(await run([0], [], true)).toBe(3)
})
