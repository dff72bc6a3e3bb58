// Sessions on their way to the store.

import { beforeEach, describe, expect, test } from "bun:test"
import { SAVE_INTERVAL_MS, SessionSaver } from "../../../src/gateway/sessions/saver.ts"
import type { Session } from "../../../src/gateway/sessions/session.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"

let clock: FakeClock
let writes: string[]
let failing: boolean
let errors: unknown[]
let saver: SessionSaver

beforeEach(() => {
  clock = new FakeClock()
  writes = []
  failing = false
  errors = []
  saver = new SessionSaver({
    clock,
    onError: (error) => errors.push(error),
    store: {
      load: async () => null,
      async save(sessions) {
        if (failing) throw new Error("the store is away")
        writes.push(sessions.map(({ shard, sequence }) => `${shard}:${sequence}`).join(" "))
      },
      async drop(shard) {
        writes.push(`drop ${shard}`)
      },
      close: async () => {},
    },
  })
})

const session = (shard: number, sequence: number): Session => ({
  shard,
  sequence,
  shardCount: 2,
  sessionId: "s",
  resumeUrl: null,
  resumeFailures: 0,
})

async function pass(ms: number): Promise<void> {
  clock.advance(ms)
  for (let i = 0; i < 5; i += 1) await Promise.resolve()
}

describe("the session saver", () => {
  test("writes the latest of each shard once per interval", async () => {
    saver.save(session(0, 1))
    saver.save(session(0, 2))
    saver.save(session(1, 7))
    expect(writes).toEqual([])
    await pass(SAVE_INTERVAL_MS)
    expect(writes).toEqual(["0:2 1:7"])
    await pass(SAVE_INTERVAL_MS * 4)
    expect(writes).toEqual(["0:2 1:7"])
  })

  test("keeps what could not be written, and tries again with the latest", async () => {
    failing = true
    saver.save(session(0, 1))
    await pass(SAVE_INTERVAL_MS)
    expect(errors.length).toBe(1)
    failing = false
    saver.save(session(0, 2))
    await pass(5_000)
    expect(writes).toEqual(["0:2"])
  })

  test("drops a shard's session", async () => {
    saver.save(session(0, 1))
    saver.drop(0)
    await pass(SAVE_INTERVAL_MS)
    expect(writes).toEqual(["drop 0"])
  })

  test("closing writes what is left at once", async () => {
    saver.save(session(0, 9))
    await saver.close()
    expect(writes).toEqual(["0:9"])
  })

  test("closing tells when the last write fails", async () => {
    failing = true
    saver.save(session(0, 9))
    await expect(saver.close()).rejects.toThrow("the store is away")
  })
})
