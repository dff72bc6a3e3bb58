// What the sides of a pair store in Redis and tell one another, as JSON.

import { z } from "zod"
import type { Pair, PairChange, Side } from "../change.ts"
import type { Offer } from "../exchange.ts"

const SIDE = z.enum(["old", "new"])
const PLACE = z.object({ sessionId: z.string().min(1), sequence: z.int().min(0) })
const PAIR = z.object({ old: z.int().min(0), new: z.int().min(0) })
const CHANGE = z.object({
  attempt: z.string().min(1),
  to: SIDE,
  old: PLACE,
  new: PLACE,
  streams: z.array(z.tuple([z.string(), z.int().min(0)])).transform((entries) => new Map(entries)),
})
const CHANGES = z.array(CHANGE)
const OFFER = z.object({
  attempt: z.string().min(1),
  place: PLACE,
  tails: z.array(z.tuple([z.string(), z.array(z.string())])).transform((entries) => new Map(entries)),
})
const NEWS = z.discriminatedUnion("type", [
  z.object({ type: z.literal("asked"), pair: PAIR, to: SIDE, attempt: z.string().nullable() }),
  z.object({ type: z.literal("offered"), pair: PAIR, to: SIDE, offer: OFFER }),
  z.object({ type: z.literal("declined"), pair: PAIR, attempt: z.string() }),
  z.object({ type: z.literal("settled"), pair: PAIR, change: CHANGE }),
])

export type News =
  | { readonly type: "asked"; readonly pair: Pair; readonly to: Side; readonly attempt: string | null }
  | { readonly type: "offered"; readonly pair: Pair; readonly to: Side; readonly offer: Offer }
  | { readonly type: "declined"; readonly pair: Pair; readonly attempt: string }
  | { readonly type: "settled"; readonly pair: Pair; readonly change: PairChange }

/** Maps are lists of pairs. */
export function toJson(value: News | PairChange | readonly PairChange[]): string {
  return JSON.stringify(value, (_key, one: unknown) => (one instanceof Map ? [...one] : one))
}

/** Null for what is no news. */
export function parseNews(text: string): News | null {
  try {
    return NEWS.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/** @throws where something else is stored */
export function parseChanges(text: string): readonly PairChange[] {
  return CHANGES.parse(JSON.parse(text))
}
