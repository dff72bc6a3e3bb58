// The admin address: what `spectacles shards`, `drain`, `move` and `restart` do, over HTTP and for whoever has the token.
//
//   GET /shards        POST /drain/NODE        POST /move/SHARD/NODE        POST /restart/SHARD

import { createHash, timingSafeEqual } from "node:crypto"
import type { ListenAddress } from "../../../config/gateway-config.ts"
import type { Secret } from "../../../config/secret.ts"
import type { Logger } from "../../../ops/log.ts"
import { OperatorError } from "../../../ops/operator-error.ts"
import type { OrderResult } from "../node.ts"
import { type Steering, type SteeringCommand, steer } from "../steering.ts"

const PATHS = "GET /shards, POST /drain/NODE, POST /move/SHARD/NODE, POST /restart/SHARD"
/** No request has one. */
const MAX_BODY_BYTES = 1_024
/** Digits of a shard's id. */
const SHARD = /^\d{1,9}$/

export interface AdminServerOptions {
  readonly address: ListenAddress
  readonly token: Secret
  readonly steering: Steering
  readonly log: Logger
}

export interface AdminServer {
  readonly port: number
  stop(): Promise<void>
}

/** @throws OperatorError when the address cannot be had. */
export function startAdminServer(options: AdminServerOptions): AdminServer {
  const { address, log } = options
  const isAllowed = guard(options.token)
  try {
    const server = Bun.serve({
      ...address,
      maxRequestBodySize: MAX_BODY_BYTES,
      // A drain is answered when it is done.
      idleTimeout: 0,
      fetch: (request) => (isAllowed(request) ? answer(request, options).catch(unreachable) : unauthorized()),
      error(error) {
        log.error({ err: error }, "Cannot answer an operator's request.")
        return refusal(500, `Cannot answer: ${error.message}`)
      },
    })
    return { port: server.port ?? address.port, stop: () => server.stop(true) }
  } catch (error) {
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE"
    const why = isTaken ? "the port is in use" : error instanceof Error ? error.message : String(error)
    throw new OperatorError(
      `Cannot listen for operators on ${address.hostname}:${address.port}: ${why}; set admin.address to another.`,
      { cause: error },
    )
  }
}

/** Compares digests, in a time that tells nothing. */
function guard(token: Secret): (request: Request) => boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest()
  const wanted = digest(`Bearer ${token.reveal()}`)
  return ({ headers }) => timingSafeEqual(digest(headers.get("authorization") ?? ""), wanted)
}

async function answer(request: Request, { steering, log }: AdminServerOptions): Promise<Response> {
  const { pathname } = new URL(request.url)
  const [what = "", ...words] = pathname.split("/").slice(1).map(decode)
  if (what === "shards" && words.length === 0) {
    return request.method === "GET" ? Response.json(await steering.view()) : wrongMethod("GET")
  }
  const command = commandOf(what, words)
  if (command === null) return refusal(404, `There is nothing at ${pathname}; there is ${PATHS}.`)
  if (request.method !== "POST") return wrongMethod("POST")
  log.info({ command }, "an operator asked over HTTP")
  const result = await steer(steering, command)
  return Response.json(result, { status: result.type === "done" ? 200 : 409 })
}

function commandOf(what: string, words: readonly string[]): SteeringCommand | null {
  const [first = "", second = ""] = words
  const shard = SHARD.test(first) ? Number(first) : null
  if (what === "drain" && words.length === 1 && first !== "") return { type: "drain", node: first }
  if (what === "restart" && words.length === 1 && shard !== null) return { type: "restart", shard }
  if (what === "move" && words.length === 2 && shard !== null && second !== "")
    return { type: "move", shard, to: second }
  return null
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function unauthorized(): Response {
  const reason = "Cannot answer: show the token of admin.token, as in Authorization: Bearer TOKEN."
  const result: OrderResult = { type: "refused", reason }
  return Response.json(result, { status: 401, headers: { "www-authenticate": "Bearer" } })
}

/** Redis is away: not a defect of ours. */
function unreachable(error: unknown): Response {
  if (error instanceof OperatorError) return refusal(503, error.message)
  throw error
}

function wrongMethod(right: string): Response {
  return Response.json({ type: "refused", reason: `Use ${right} here.` }, { status: 405, headers: { allow: right } })
}

function refusal(status: number, reason: string): Response {
  return Response.json({ type: "refused", reason }, { status })
}
