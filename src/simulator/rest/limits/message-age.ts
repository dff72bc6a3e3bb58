// DELETE of a message has limits of its own by the message's age (reported by bots; Discord documents nothing).

import { snowflakeTimeMs } from "../../../discord/snowflake.ts"

export type AgeClass = "new" | "recent" | "old"

const NEW_MS = 10_000
const OLD_MS = 14 * 86_400_000

export const DELETE_ROUTE = "DELETE /channels/:channel/messages/:message"

/** What the route's own rule becomes for messages of that age. */
export const AGE_LIMITS: Readonly<Record<AgeClass, { readonly limit: number; readonly windowMs: number } | undefined>> =
  {
    new: { limit: 3, windowMs: 1_000 },
    recent: undefined,
    old: { limit: 30, windowMs: 120_000 },
  }

export function ageClass(messageId: string, wallMs: number): AgeClass {
  const ageMs = wallMs - snowflakeTimeMs(messageId)
  if (ageMs < NEW_MS) return "new"
  return ageMs > OLD_MS ? "old" : "recent"
}
