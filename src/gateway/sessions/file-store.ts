// Sessions in a folder, one file a shard, for gateways without a Redis. Each write replaces the whole file at once, so a
// crash leaves the old value or the new one.

import { access, constants, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { OperatorError } from "../../ops/operator-error.ts"
import type { SessionStore } from "./session.ts"
import { parseSession } from "./stored-session.ts"

/** The folder cannot be used; the message says what to change. */
export class SessionFolderError extends OperatorError {
  override readonly name = "SessionFolderError"
}

export interface FileSessionStoreOptions {
  readonly folder: string
  /** Told of a file that holds no session: that shard identifies. */
  readonly onUnreadable: (file: string, reason: string) => void
}

export function fileSessionStore({ folder, onUnreadable }: FileSessionStoreOptions): SessionStore {
  const fileOf = (shard: number) => join(folder, `shard-${shard}.json`)
  return {
    async load(shard) {
      // Before the first event, and not when it is too late to keep a session.
      await makeFolder(folder)
      const file = fileOf(shard)
      const text = await readText(file)
      if (text === null) return null
      const session = parseSession(text)
      if (session?.shard === shard) return session
      onUnreadable(file, session === null ? "it holds no session" : `it is shard ${session.shard}'s`)
      return null
    },
    async save(sessions) {
      await makeFolder(folder)
      await Promise.all(sessions.map((session) => replace(fileOf(session.shard), JSON.stringify(session))))
    },
    async drop(shard) {
      await rm(fileOf(shard), { force: true })
    },
    close: async () => {},
  }
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8")
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null
    throw new SessionFolderError(
      `Cannot read the session in ${file} (${codeOf(error)}): let this user read and write the folder, or set shard_store.path to another.`,
      { cause: error },
    )
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.W_OK)
  } catch (error) {
    throw new SessionFolderError(
      `Cannot use the folder ${folder} for sessions (${codeOf(error)}): set shard_store.path to one that this user may write.`,
      { cause: error },
    )
  }
}

async function replace(file: string, text: string): Promise<void> {
  const next = `${file}.next`
  try {
    await writeFile(next, text, { mode: 0o600 })
    await rename(next, file)
  } catch (error) {
    throw new SessionFolderError(
      `Cannot write the session to ${file} (${codeOf(error)}): let this user write there, and see that the disk has room.`,
      { cause: error },
    )
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error)
}
