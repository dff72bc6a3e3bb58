import { expect, test } from "bun:test"
import type { RedisClient } from "../../../src/client/redis/client.ts"
import { replier } from "../../../src/client/redis/reply.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"

/** Says how many receive each publish, in turn. */
function redisWith(receivers: number[], isCluster = false) {
  const published: unknown[][] = []
  const client: RedisClient = {
    isCluster,
    call: async (...args) => {
      published.push(args)
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

async function run(receivers: number[], waitMs = 0, isCluster = false): Promise<number> {
  const clock = new FakeClock()
  const { client, published } = redisWith(receivers, isCluster)
  const reply = replier(client, "E:1-0", clock)
  clock.advance(waitMs)
  let done = false
  const replied = reply(Buffer.from([1])).then(() => {
    done = true
  })
  while (!done) {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
    clock.step()
  }
  await replied
  while (clock.step());
  expect(published[0]).toEqual(["publish", "E:1-0", Buffer.from([1])])
  return published.length
}

test("publishes again while nobody listens, and gives up after a moment", async () => {
  expect(await run([0, 0, 0, 0, 0, 0, 0, 0, 0])).toBe(7)
})

test("publishes a fast reply once more, for a caller that has only just begun to listen", async () => {
  expect(await run([0, 0, 1])).toBe(4)
  expect(await run([1])).toBe(2)
})

test("publishes a reply that took its time once", async () => {
  expect(await run([1], 101)).toBe(1)
})

test("publishes a reply in a cluster three times, without minding how many are said to have received it", async () => {
  expect(await run([0], 0, true)).toBe(3)
})
