// What steering sends between processes, as JSON: reports, views, orders and their results. Read with care, for it comes
// from outside.

import { z } from "zod"
import type { NodeReport, Order, OrderResult } from "./node.ts"
import type { FleetView } from "./steering.ts"

const PHASES = [
  "new",
  "dialing",
  "greeting",
  "queued",
  "identifying",
  "resuming",
  "live",
  "waiting",
  "held",
  "stopped",
] as const

const shard = z.object({
  shard: z.int().min(0),
  count: z.int().min(1).exactOptional(),
  phase: z.enum(PHASES),
  sessionId: z.string().nullable(),
  sessionStartedMs: z.number().nullable(),
  sequence: z.number(),
  latencyMs: z.number().nullable(),
  eventsPerSecond: z.number(),
  lastDown: z.object({ atMs: z.number(), reason: z.string() }).nullable(),
})
const report: z.ZodType<NodeReport> = z.object({
  node: z.string(),
  shardCount: z.int().nullable(),
  draining: z.boolean(),
  shards: z.array(shard),
})
const view: z.ZodType<FleetView> = z.object({
  shardCount: z.int().nullable(),
  nodes: z.array(z.object({ node: z.string(), draining: z.boolean(), shards: z.int() })),
  shards: z.array(shard.extend({ node: z.string() })),
  missing: z.array(z.int()),
})
const order: z.ZodType<Order> = z.discriminatedUnion("type", [
  z.object({ type: z.literal("drain") }),
  z.object({ type: z.literal("move"), shard: z.int().min(0), to: z.string() }),
  z.object({ type: z.literal("restart"), shard: z.int().min(0) }),
])
const result: z.ZodType<OrderResult> = z.discriminatedUnion("type", [
  z.object({ type: z.literal("done") }),
  z.object({ type: z.literal("refused"), reason: z.string() }),
])
/** An order on its way to a process, with what its answers are known by. */
const sentOrder = z.object({ id: z.string().min(1), order })
/** `accepted`: it arrived; the result follows. */
const answer = z.union([z.object({ type: z.literal("accepted") }), result])

export type SentOrder = z.infer<typeof sentOrder>
export type OrderAnswer = z.infer<typeof answer>

/** Each gives null for what is none. */
export const readReport = reader(report)
export const readView = reader(view)
export const readSentOrder = reader(sentOrder)
export const readAnswer = reader(answer)
export const readResult = reader(result)

function reader<T>(schema: z.ZodType<T>): (json: string) => T | null {
  return (json) => {
    try {
      return schema.parse(JSON.parse(json))
    } catch {
      return null
    }
  }
}
