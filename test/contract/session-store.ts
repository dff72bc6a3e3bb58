// What every session store must do.

import { describe, expect, test } from "bun:test"
import type { Session, SessionStore } from "../../src/gateway/sessions/session.ts"

const session = (shard: number, sequence: number): Session => ({
  shard,
  sequence,
  shardCount: 4,
  sessionId: `session-${shard}`,
  resumeUrl: "wss://resume.example/",
  resumeFailures: 1,
})

/** @param open opens the store, and again opens the same one, as another process would */
export function sessionStoreContract(name: string, open: () => Promise<SessionStore>): void {
  describe(`the ${name} session store`, () => {
    test("has no session for a shard it was never given", async () => {
      const store = await open()
      expect(await store.load(3)).toBeNull()
      await store.close()
    })

    test("#13 gives each session back as one value", async () => {
      const store = await open()
      await store.save([session(0, 5), session(1, 6)])
      expect(await store.load(0)).toEqual(session(0, 5))
      expect(await store.load(1)).toEqual(session(1, 6))
      await store.close()
    })

    test("#13 a later value replaces the earlier one, whole, also with a lower sequence", async () => {
      const store = await open()
      await store.save([session(0, 900)])
      const next = { ...session(0, 1), sessionId: "another", resumeUrl: null, resumeFailures: 0 }
      await store.save([next])
      expect(await store.load(0)).toEqual(next)
      await store.close()
    })

    test("keeps sessions for the next one who opens it", async () => {
      const before = await open()
      await before.save([session(2, 7)])
      await before.close()
      const after = await open()
      expect(await after.load(2)).toEqual(session(2, 7))
      await after.close()
    })

    test("forgets what is dropped, and dropping nothing is no error", async () => {
      const store = await open()
      await store.save([session(0, 5)])
      await store.drop(0)
      await store.drop(0)
      expect(await store.load(0)).toBeNull()
      await store.close()
    })
  })
}
