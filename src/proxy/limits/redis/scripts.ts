// Runs Lua on Redis: by its digest, and by its text where the server does not know it, as after a restart.

import { createHash } from "node:crypto"
import type { Client } from "../../../brokers/redis/clients.ts"

export interface Script {
  readonly text: string
  readonly digest: string
}

export function scriptOf(text: string): Script {
  return { text, digest: createHash("sha1").update(text).digest("hex") }
}

export interface Scripts {
  /** Rejects at once while there is no connection. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>
}

/** Nothing is queued: a decision that comes late is of no use. */
export function redisScripts(client: Client): Scripts {
  return {
    async run({ text, digest }, keys, args) {
      if (client.status === "wait") await client.connect()
      if (client.status !== "ready") throw new Error(`no connection (${client.status})`)
      const words = [keys.length, ...keys, ...args]
      try {
        return await client.call("EVALSHA", [digest, ...words])
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error
        return client.call("EVAL", [text, ...words])
      }
    },
  }
}
