// What of the limits can be set, and what they are when nothing is.

import { z } from "zod"

const count = z.number().int().min(1)
const window = { limit: count, windowMs: z.number().min(1) }
const kind = z.enum(["fixed", "sliding"])

const ruleSchema = z.strictObject({
  limit: count.optional(),
  windowMs: z.number().min(1).optional(),
  kind: kind.optional(),
  headers: z.enum(["honest", "none", "exhausted"]).optional(),
  bucket: z.string().optional(),
})

export const limitChangeSchema = z.strictObject({
  /** False: nothing is refused and no X-RateLimit header is sent. */
  enforced: z.boolean().optional(),
  /** Of all requests of a token; `kind` fixed: seconds that begin with a request. */
  global: z
    .strictObject({ ...window, kind })
    .partial()
    .optional(),
  /** By `METHOD /template` as records have it; `*`: every route. */
  rules: z.record(z.string(), ruleSchema).optional(),
  invalidRequests: z
    .strictObject({ ...window, blockMs: z.number().min(0) })
    .partial()
    .optional(),
})

/** Changes what is given. */
export type LimitChange = z.input<typeof limitChangeSchema>

export interface InvalidRequestLimit {
  readonly limit: number
  readonly windowMs: number
  /** How long the address is blocked. */
  readonly blockMs: number
}

export const DEFAULT_GLOBAL = { limit: 50, windowMs: 1_000, kind: "fixed" } as const
export const DEFAULT_INVALID_REQUESTS: InvalidRequestLimit = { limit: 10_000, windowMs: 600_000, blockMs: 3_600_000 }
