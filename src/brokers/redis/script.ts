// Lua that is run again and again: by its digest, and by its text where the server does not know it, as after a restart. On a
// link that loses packets each one that need not be sent counts.

import { createHash } from "node:crypto"
import type { Client } from "./clients.ts"

/** The user may run EVAL alone. */
const REFUSED = /^(NOPERM|ERR unknown command)/i

export class Script {
  readonly #text: string
  readonly #digest: string
  #isByText = false

  constructor(text: string) {
    this.#text = text
    this.#digest = createHash("sha1").update(text).digest("hex")
  }

  /** @throws what the server answers, when it is an error */
  async run(client: Client, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const words = [...keys, ...args]
    if (!this.#isByText) {
      try {
        return await client.evalsha(this.#digest, keys.length, ...words)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        this.#isByText = REFUSED.test(reason)
        if (!this.#isByText && !reason.startsWith("NOSCRIPT")) throw error
      }
    }
    return await client.eval(this.#text, keys.length, ...words)
  }
}
