// What can be made to go wrong with a REST request, in place of its answer.

import { z } from "zod"

const request = {
  /** `METHOD /template` as records have it, without a major parameter; left out: any request. */
  route: z
    .string()
    .regex(/^[A-Z]+ \//, "must be like POST /channels/:channel/messages")
    .optional(),
  times: z.union([z.number().int().min(1), z.literal("always")]).default(1),
}
/** Types that are the gateway's as well need it said. */
const onRequest = z.literal("request")
const implied = onRequest.default("request")

export const DROP_MOMENTS = ["head", "body", "done", "answer"] as const

export const restFaultSchema = z.discriminatedUnion("type", [
  z.object({
    ...request,
    on: implied,
    type: z.literal("bad-gateway"),
    status: z.union([z.literal(500), z.literal(502), z.literal(503), z.literal(504)]).default(502),
  }),
  /** It is done and answered so much later. */
  z.object({ ...request, on: onRequest, type: z.literal("delay"), delayMs: z.number().min(0) }),
  /**
   * The connection is cut: `head`, before the body is read; `body`, when it was; `done`, when the request was carried out;
   * `answer`, half-way through the answer.
   */
  z.object({ ...request, on: onRequest, type: z.literal("drop"), at: z.enum(DROP_MOMENTS).default("body") }),
  /** Never answered. */
  z.object({ ...request, on: onRequest, type: z.literal("silence") }),
  /** A 429 as Cloudflare sends it: no `Via`, no bucket; with Retry-After only if it is given. */
  z.object({
    ...request,
    on: implied,
    type: z.literal("cloudflare-limit"),
    format: z.enum(["html", "text", "json"]).default("html"),
    retryAfterSeconds: z.number().int().min(0).optional(),
  }),
  /** The request is done, and so many bytes come for an answer. */
  z.object({
    ...request,
    on: implied,
    type: z.literal("download"),
    bytes: z
      .number()
      .int()
      .min(1)
      .max(1024 * 1024 * 1024)
      .default(25 * 1024 * 1024),
  }),
])

/** Held at once, and over by itself. */
export const sharedLimitSchema = z.discriminatedUnion("type", [
  /** Every bot's requests of the route get a 429 of scope `shared` for so long. */
  z.object({
    type: z.literal("shared-limit"),
    route: z.string().regex(/^[A-Z]+ \//, "must be like POST /channels/:channel/messages"),
    /** Only this channel, guild or webhook. */
    major: z.string().optional(),
    durationMs: z.number().min(1),
  }),
])

export type RestFault = z.output<typeof restFaultSchema>
export type SharedLimitFault = z.output<typeof sharedLimitSchema>
