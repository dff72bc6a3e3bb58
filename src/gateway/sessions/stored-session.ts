// A session as it is stored, one JSON text: readable by whoever looks for it at night.

import { z } from "zod"
import { isDialable } from "../../discord/gateway-url.ts"
import type { Session } from "./session.ts"

const sessionSchema = z.object({
  shard: z.int().min(0),
  shardCount: z.int().min(1),
  sessionId: z.string().min(1),
  // One that cannot be dialled would end whoever resumes, again and again.
  resumeUrl: z
    .string()
    .nullable()
    .transform((url) => (url !== null && isDialable(url) ? url : null)),
  sequence: z.int().min(0),
  resumeFailures: z.int().min(0),
  startedMs: z.number().exactOptional(),
  intents: z.int().min(0).exactOptional(),
})

/** The session that a text holds; null when it holds none. */
export function parseSession(text: string): Session | null {
  try {
    return sessionSchema.parse(JSON.parse(text))
  } catch {
    return null
  }
}
