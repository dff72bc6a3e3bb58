// Equal GETs of one token that are in flight together become one request to Discord, whose answer they share.

import type { Send } from "../door.ts"
import { type Failure, unreachable } from "../failure.ts"
import { PRIORITIES } from "../limits/limiter.ts"
import type { ProxyRequest } from "../proxy-request.ts"

/** An answer that can be given more than once. */
interface Shared {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array<ArrayBuffer>
}

interface Flight {
  readonly leader: ProxyRequest
  followers: number
  /** Null: the one that went has nothing to share; each must go itself. */
  readonly answer: Promise<Shared | null>
}

/** Passes requests on through `send`, equal GETs together. */
export function coalescing(send: Send): Send {
  /** At most as many as there are requests in hand. */
  const flights = new Map<string, Flight>()
  return async (request) => {
    if (!mayShare(request)) return send(request)
    const key = keyOf(request)
    const flight = flights.get(key)
    if (flight === undefined || !goesInTime(flight.leader, request)) return lead(request, key, flights, send)
    flight.followers += 1
    const shared = await flight.answer
    return shared === null ? send(request) : responseOf(shared)
  }
}

/** Headers that make the answer one for this request alone. Source: RFC 9110, sections 13 and 14. */
const OWN = ["if-none-match", "if-modified-since", "range"] as const

function mayShare({ method, headers }: ProxyRequest): boolean {
  return method === "GET" && !OWN.some((name) => headers.has(name))
}

/** Whoever goes along waits as long as the one that went. */
function goesInTime(leader: ProxyRequest, { deadlineMs, priority }: ProxyRequest): boolean {
  return leader.deadlineMs <= deadlineMs && PRIORITIES.indexOf(leader.priority) <= PRIORITIES.indexOf(priority)
}

async function lead(
  request: ProxyRequest,
  key: string,
  flights: Map<string, Flight>,
  send: Send,
): Promise<Response | Failure> {
  const { promise: answer, resolve } = Promise.withResolvers<Shared | null>()
  const flight: Flight = { leader: request, followers: 0, answer }
  flights.set(key, flight)
  let shared: Shared | null = null
  try {
    const result = await send(request)
    if (flights.get(key) === flight) flights.delete(key)
    // A failure may be the leader's alone: its client left, or its deadline was near.
    if (result.type === "failure" || flight.followers === 0) return result
    shared = await sharedOf(result)
    return shared === null
      ? unreachable("The connection to Discord broke in the middle of its answer.")
      : responseOf(shared)
  } finally {
    if (flights.get(key) === flight) flights.delete(key)
    resolve(shared)
  }
}

/** Null where it breaks off. */
async function sharedOf(response: Response): Promise<Shared | null> {
  const { status, headers } = response
  try {
    return { status, headers, bytes: new Uint8Array(await response.arrayBuffer()) }
  } catch {
    return null
  }
}

function responseOf({ status, headers, bytes }: Shared): Response {
  return new Response(bytes, { status, headers: new Headers(headers) })
}

function keyOf({ identity, target, headers }: ProxyRequest): string {
  return `${identity} ${headers.get("accept-encoding") ?? ""} ${target.upstream}`
}
