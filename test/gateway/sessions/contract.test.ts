// Each session store under the one contract, and what is the file store's own.

import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileSessionStore } from "../../../src/gateway/sessions/file-store.ts"
import { memorySessionStore } from "../../../src/gateway/sessions/memory-store.ts"
import { sessionStoreContract } from "../../contract/session-store.ts"

const memory = memorySessionStore()
sessionStoreContract("memory", async () => memory)

const folder = mkdtempSync(join(tmpdir(), "spectacles-sessions-"))
afterAll(() => rmSync(folder, { recursive: true }))

const unreadable: string[] = []
const open = async (name = "contract") =>
  fileSessionStore({ folder: join(folder, name), onUnreadable: (file, reason) => unreadable.push(`${file} ${reason}`) })
sessionStoreContract("file", () => open())

const SESSION = { shard: 0, shardCount: 1, sessionId: "a", resumeUrl: null, sequence: 1, resumeFailures: 0 } as const

describe("a file that holds no session", () => {
  test.each(["", "{", "null", '{"shard":0}', '{"shard":0,"shardCount":1,"sessionId":"","sequence":1}'])(
    "%p is told and counts as none",
    async (text) => {
      const store = await open("broken")
      await store.save([])
      writeFileSync(join(folder, "broken", "shard-0.json"), text)
      expect(await store.load(0)).toBeNull()
      expect(unreadable.pop()).toContain("shard-0.json")
    },
  )

  test("a folder that is a file is a sentence that says what to change", async () => {
    writeFileSync(join(folder, "file"), "")
    const store = await open("file")
    const error = await store.save([]).catch((caught: unknown) => caught)
    expect(String(error)).toContain("shard_store.path")
  })

  test("#36 a folder that cannot be made is one before anything was received", async () => {
    writeFileSync(join(folder, "a-file"), "")
    const store = await open("a-file/sessions")
    const error = await store.load(0).catch((caught: unknown) => caught)
    expect(String(error)).toContain("Cannot use the folder")
    expect(String(error)).toContain("shard_store.path")
  })

  test("a file that cannot be written is a sentence", async () => {
    const store = await open("unwritable")
    await store.load(0)
    mkdirSync(join(folder, "unwritable", "shard-0.json.next"))
    const error = await store.save([SESSION]).catch((caught: unknown) => caught)
    expect(String(error)).toContain("shard-0.json (EISDIR)")
  })
})
