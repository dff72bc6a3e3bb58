// Limits inside a limit: a channel's name or topic can be changed 2 times in 10 minutes, while the headers go on showing
// the bucket of PATCH /channels/:channel (reported).

import type { WindowPlan } from "./window.ts"

export interface SubLimit extends WindowPlan {
  readonly name: string
}

const RENAME: SubLimit = { name: "channel name", limit: 2, windowMs: 600_000, kind: "sliding" }
const TOPIC: SubLimit = { name: "channel topic", limit: 2, windowMs: 600_000, kind: "sliding" }

export const SUB_LIMITED_ROUTE = "PATCH /channels/:channel"

/** Those that this body falls under. */
export function subLimitsOf(body: unknown): readonly SubLimit[] {
  if (typeof body !== "object" || body === null) return []
  return [...("name" in body ? [RENAME] : []), ...("topic" in body ? [TOPIC] : [])]
}
