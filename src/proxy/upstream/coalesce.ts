// Equal GETs of one token that are in flight together become one request to Discord, whose answer they share.

import type { Send } from "../door.ts"
import type { Failure } from "../failure.ts"
import type { ProxyRequest } from "../proxy-request.ts"

/** An answer that can be given more than once. */
interface Shared {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array<ArrayBuffer>
}

interface Flight {
  followers: number
  /** Null: the one that went has nothing to share; each must go itself. */
  readonly answer: Promise<Shared | null>
}

/** Passes requests on through `send`, equal GETs together. */
export function coalescing(send: Send): Send {
  /** At most as many as there are requests in hand. */
  const flights = new Map<string, Flight>()
  return async (request) => {
    if (request.method !== "GET") return send(request)
    const key = keyOf(request)
    const flight = flights.get(key)
    if (flight === undefined) return lead(request, key, flights, send)
    flight.followers += 1
    const shared = await flight.answer
    return shared === null ? send(request) : responseOf(shared)
  }
}

async function lead(
  request: ProxyRequest,
  key: string,
  flights: Map<string, Flight>,
  send: Send,
): Promise<Response | Failure> {
  const { promise: answer, resolve } = Promise.withResolvers<Shared | null>()
  const flight: Flight = { followers: 0, answer }
  flights.set(key, flight)
  let shared: Shared | null = null
  try {
    const result = await send(request)
    flights.delete(key)
    // A failure may be the leader's alone: its client left, or its deadline was near.
    if (result.type === "failure" || flight.followers === 0) return result
    const bytes = new Uint8Array(await result.arrayBuffer())
    const answered: Shared = { status: result.status, headers: result.headers, bytes }
    shared = answered
    return responseOf(answered)
  } finally {
    flights.delete(key)
    resolve(shared)
  }
}

function responseOf({ status, headers, bytes }: Shared): Response {
  return new Response(bytes, { status, headers: new Headers(headers) })
}

function keyOf({ identity, target, headers }: ProxyRequest): string {
  return `${identity} ${headers.get("accept-encoding") ?? ""} ${target.upstream}`
}
