// Limits inside a limit: a channel's name or topic can be changed 2 times in 10 minutes, while the headers go on showing
// the bucket of PATCH /channels/:channel (reported).

export const SUB_LIMITED_ROUTE = "PATCH /channels/:channel"

/** "The write action you are performing on the channel has hit the write rate limit." */
export const SUB_LIMIT_CODE = 20_028

export const SUB_LIMITS = [
  [`${SUB_LIMITED_ROUTE} (name)`, 2, 600_000],
  [`${SUB_LIMITED_ROUTE} (topic)`, 2, 600_000],
] as const

/** Those that this body falls under. */
export function subLimitsOf(body: unknown): readonly ("name" | "topic")[] {
  if (typeof body !== "object" || body === null) return []
  return (["name", "topic"] as const).filter((field) => field in body)
}
