// Tokens are kept as digests only: enough to tell two apart, of no use to whoever reads the memory or a log.

/** SHA-256 in base64. */
export function digestOf(token: string): string {
  return Bun.SHA256.hash(token, "base64")
}
