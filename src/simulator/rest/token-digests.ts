// Tokens as records and limits know them: as digests, never in the clear.

import { createHash } from "node:crypto"

const DIGEST_CHARACTERS = 16
const MAX_TOKENS = 200_000

export class TokenDigests {
  readonly #digests = new Map<string, string>()

  /** Of an Authorization header. */
  of(authorization: string): string {
    const known = this.#digests.get(authorization)
    if (known !== undefined) return known
    if (this.#digests.size >= MAX_TOKENS) this.#digests.clear()
    const digest = digestOf(authorization)
    this.#digests.set(authorization, digest)
    return digest
  }
}

/** The start of the SHA-256, in hexadecimal. */
export function digestOf(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex").slice(0, DIGEST_CHARACTERS)
}
