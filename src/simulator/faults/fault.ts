// What can be made to go wrong. An incident happens at a moment, in place of what was due then; a condition lasts until
// it is cancelled.

import { z } from "zod"
import { type RestFault, restFaultSchema, type SharedLimitFault, sharedLimitSchema } from "./rest-fault.ts"

/**
 * `now`: at once, on every connection of the shard. The others wait for a client: `dial` is a TCP connection before any
 * answer, `hello` an opened WebSocket before Hello, the rest are packets from the client before they are answered.
 */
export const MOMENTS = ["now", "dial", "hello", "identify", "resume", "heartbeat"] as const
export type Moment = (typeof MOMENTS)[number]

/** Moments at which it is not known yet which shard is connecting. */
const SHARDLESS: readonly Moment[] = ["dial", "hello"]

const closeCode = z.number().int().min(1000).max(4999)
const incident = {
  on: z.enum(MOMENTS).default("now"),
  /** Only this shard. */
  shard: z.number().int().min(0).optional(),
  /** How often it happens when it waits for a client. */
  times: z.union([z.number().int().min(1), z.literal("always")]).default(1),
}
const condition = { shard: z.number().int().min(0).optional() }

const incidentSchema = z.discriminatedUnion("type", [
  /** What was due never comes. At `dial`: the TCP connection is accepted, and silent. */
  z.object({ ...incident, type: z.literal("silence") }),
  /** What was due comes later. */
  z.object({ ...incident, type: z.literal("delay"), delayMs: z.number().min(0) }),
  /** Op 7, followed by a close when a code is given. */
  z.object({ ...incident, type: z.literal("reconnect"), closeCode: closeCode.optional() }),
  /** Op 9. Not resumable: the session is gone. */
  z.object({ ...incident, type: z.literal("invalid-session"), resumable: z.boolean() }),
  z.object({ ...incident, type: z.literal("close"), code: closeCode, reason: z.string().max(100).default("") }),
  /** The TCP connection is cut without a close frame. */
  z.object({ ...incident, type: z.literal("drop") }),
  /** The server reads nothing and says nothing more, and never completes a close handshake. */
  z.object({ ...incident, type: z.literal("half-open") }),
  /** Op 1: the client must answer with a heartbeat at once. */
  z.object({ ...incident, type: z.literal("request-heartbeat") }),
])

const CORRUPTIONS = ["compression", "utf8", "json", "reserved-bits"] as const
/** How a dispatch is spoilt on its way; it keeps its sequence, and a resume brings it whole. */
export type Corruption = (typeof CORRUPTIONS)[number]

const trafficSchema = z.discriminatedUnion("type", [
  /** The next event is sent spoilt. */
  z.object({ ...condition, type: z.literal("corrupt"), how: z.enum(CORRUPTIONS) }),
  /** A GUILD_CREATE of about so many bytes. */
  z.object({
    ...condition,
    type: z.literal("giant-guild"),
    bytes: z
      .number()
      .int()
      .min(1)
      .max(64 * 1024 * 1024),
  }),
  /** GUILD_CREATEs spread over a time in which no heartbeat is acknowledged; the ACKs follow at its end. */
  z.object({
    ...condition,
    type: z.literal("guild-flood"),
    guilds: z.number().int().min(1).max(100_000),
    durationMs: z.number().min(0),
  }),
  /** Sessions are gone, their connections stay: the next resume gets op 9. */
  z.object({ ...condition, type: z.literal("forget-sessions") }),
])

const conditionSchema = z.discriminatedUnion("type", [
  /**
   * Every message is split. zlib: into several WebSocket messages, the end marker too, unless told otherwise (some
   * libraries look for it whole). Without zlib: into fragments of one WebSocket message.
   */
  z.object({
    ...condition,
    type: z.literal("split-frames"),
    partBytes: z.number().int().min(1).default(1_000),
    splitMarker: z.boolean().default(true),
  }),
  /** zlib only: what is sent in one turn of the event loop shares one WebSocket message. */
  z.object({ ...condition, type: z.literal("merge-frames") }),
  /** READY names a resume_gateway_url on which nobody listens. */
  z.object({ ...condition, type: z.literal("dead-resume-host") }),
  /** The gateway's port refuses connections; those that are open stay. */
  z.object({ type: z.literal("refuse-connections") }),
])

/** Any fault, as it is written in JSON. */
export const faultSchema = z.union([incidentSchema, trafficSchema, conditionSchema, restFaultSchema, sharedLimitSchema])

export type Incident = z.output<typeof incidentSchema>
export type TrafficFault = z.output<typeof trafficSchema>
export type Condition = z.output<typeof conditionSchema>
export type Fault = z.input<typeof faultSchema>
export type FaultType = Fault["type"]

/** What a client sees of an incident: the type and its details. */
export type ReadFault =
  | { readonly kind: "incident"; readonly fault: Incident }
  | { readonly kind: "traffic"; readonly fault: TrafficFault }
  | { readonly kind: "condition"; readonly fault: Condition }
  | { readonly kind: "request"; readonly fault: RestFault }
  | { readonly kind: "shared-limit"; readonly fault: SharedLimitFault }

/** The fault cannot be what was asked for. */
export class FaultError extends Error {
  override readonly name = "FaultError"
}

const SCHEMAS = [
  ["incident", incidentSchema],
  ["traffic", trafficSchema],
  ["condition", conditionSchema],
  ["request", restFaultSchema],
  ["shared-limit", sharedLimitSchema],
] as const

/** @throws FaultError when it is not a fault that exists, or not at that moment. */
export function readFault(input: unknown): ReadFault {
  const incident = incidentSchema.safeParse(input)
  if (incident.success) {
    checkMoment(incident.data)
    return { kind: "incident", fault: incident.data }
  }
  const traffic = trafficSchema.safeParse(input)
  if (traffic.success) return { kind: "traffic", fault: traffic.data }
  const condition = conditionSchema.safeParse(input)
  if (condition.success) return { kind: "condition", fault: condition.data }
  const request = restFaultSchema.safeParse(input)
  if (request.success) return { kind: "request", fault: request.data }
  const shared = sharedLimitSchema.safeParse(input)
  if (shared.success) return { kind: "shared-limit", fault: shared.data }
  throw new FaultError(`Cannot inject the fault ${JSON.stringify(input)}: ${complaint(input)}.`)
}

function checkMoment({ type, on, shard }: Incident): void {
  if (shard !== undefined && SHARDLESS.includes(on))
    throw new FaultError(
      `Cannot inject "${type}" for shard ${shard} at "${on}": the shard is not known before Identify; leave shard out.`,
    )
  if (on === "now" && (type === "silence" || type === "delay"))
    throw new FaultError(
      `Cannot inject "${type}" now: nothing is due at once; set "on" to one of ${MOMENTS.slice(1).join(", ")}.`,
    )
  if (on === "dial" && !["silence", "delay", "drop"].includes(type))
    throw new FaultError(
      `Cannot inject "${type}" at "dial": before the WebSocket opens only silence, delay and drop can happen.`,
    )
}

/** Why no schema took it: its own schema's first problem where the type is known. */
function complaint(input: unknown): string {
  const type = typeof input === "object" && input !== null && "type" in input ? input.type : undefined
  const names = SCHEMAS.flatMap(([, schema]) => schema.options.map((option) => option.shape.type.value))
  if (!names.some((name) => name === type)) return `"type" must be one of ${[...new Set(names)].join(", ")}`
  const isRequest = typeof input === "object" && input !== null && "on" in input && input.on === "request"
  for (const [kind, schema] of SCHEMAS) {
    if (isRequest && kind === "incident") continue
    const option = schema.options.find((candidate) => candidate.shape.type.value === type)
    const issue = option?.safeParse(input).error?.issues[0]
    if (issue !== undefined) return `"${issue.path.join(".")}": ${issue.message}`
  }
  return "it has a field of the wrong type"
}
