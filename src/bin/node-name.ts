// What a process is called among those of its bot: where it runs, and which of those that ran there it is.

import { hostname } from "node:os"

/** Processes that ran on the same machine are told apart by it: 16 million names. */
const RANDOM_BYTES = 3

/** Such as `gateway-7-a3f09c`: a name that an operator can read and type. Only letters, digits, dots and hyphens. */
export function nodeName(): string {
  const host = hostname().replace(/[^\w.-]/g, "-")
  return `${host}-${Buffer.from(crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))).toString("hex")}`
}
