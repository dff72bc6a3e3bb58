// What a single URL leads to: the server is asked, so that one address of a cluster is enough to find the others.

import type { Clock } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import type { Logger } from "../../ops/log.ts"
import { OperatorError } from "../../ops/operator-error.ts"
import { describePlace, placeOf, type RedisLocation, type RedisPlace } from "./address.ts"
import { newClient } from "./clients.ts"
import { text } from "./entries.ts"
import { refusedLogin } from "./refusals.ts"

/** How long the first connection may take. Afterwards an outage is waited out, however long it lasts. */
export const REACH_WITHIN_MS = 15_000
/** The same for a command that somebody waits for at a terminal. */
export const ASK_WITHIN_MS = 5_000
/** HELLO is answered at once, also while data is loaded. */
const SILENT_MS = 5_000
/** How errors begin that Redis answers with. */
const REPLY_ERROR = /^[A-Z]{3,} /
/** A wrong user or password, or none where one is needed. */
const LOGIN_REFUSED = /^(WRONGPASS|NOAUTH) /
/** Of TLS, as OpenSSL words them: self signed, expired, unable to get issuer, the host is not in it. */
const CERTIFICATE = /certificate|altnames/i

export interface ModeOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly random: () => number
  /** How long the server may take; REACH_WITHIN_MS unless it is said. */
  readonly withinMs?: number
  /** Ends the wait; the answer is that there is no cluster. */
  readonly signal: AbortSignal
}

/**
 * Whether the URLs lead to a cluster.
 * @throws OperatorError when a single server cannot be reached, is not trusted, refuses the login, or is a sentinel.
 */
export async function isCluster(location: RedisLocation, options: ModeOptions): Promise<boolean> {
  const place = placeOf(location)
  if (place.type !== "server") return place.type === "cluster"
  const mode = await modeOf(place, options)
  if (mode !== "sentinel") return mode === "cluster"
  const { hostname, port } = place.address
  throw new OperatorError(
    `Cannot use Redis at ${describePlace(place)}: it is a sentinel; write redis+sentinel://${hostname}:${port}/mymaster, with the master's name.`,
  )
}

/** What HELLO says; null where the server will not say, which the broker then tells in its own words. */
async function modeOf(place: RedisPlace, options: ModeOptions): Promise<string | null> {
  const { clock, log, random, withinMs = REACH_WITHIN_MS, signal } = options
  const client = newClient({ place, log, random }, "asking for its mode", SILENT_MS)
  const { promise, resolve, reject } = Promise.withResolvers<string | null>()
  const giveUp = () => resolve(null)
  let reason = "it does not answer"
  signal.addEventListener("abort", giveUp)
  client.on("error", (error: Error) => {
    if (LOGIN_REFUSED.test(error.message)) reject(refusedLogin(describePlace(place), error.message))
    else if (REPLY_ERROR.test(error.message)) giveUp()
    else if (CERTIFICATE.test(error.message)) reject(untrusted(place, error.message))
    else if (error.message !== "") reason = error.message
  })
  client.call("HELLO", ["2"]).then((reply) => resolve(field(reply, "mode")), giveUp)
  try {
    if (!signal.aborted && !(await settlesWithin(clock, withinMs, promise))) throw unreachable(place, reason, withinMs)
    return signal.aborted ? null : await promise
  } finally {
    signal.removeEventListener("abort", giveUp)
    client.disconnect()
  }
}

/** What is said when Redis was not there at the start. */
export function unreachable(place: RedisPlace, reason: string, withinMs = REACH_WITHIN_MS): OperatorError {
  const within = `within ${withinMs / 1_000} s (${reason})`
  return new OperatorError(`Cannot reach Redis at ${describePlace(place)} ${within}: start it, or correct redis.url.`)
}

function untrusted(place: RedisPlace, reason: string): OperatorError {
  return new OperatorError(
    `Cannot connect to Redis at ${describePlace(place)}: its certificate is not accepted (${reason}); name your authority's file in redis.ca_file (REDIS_CA_FILE), or change redis.url.`,
  )
}

/** A map of version 2 of the protocol: names and values in turn. */
function field(reply: unknown, name: string): string | null {
  if (!Array.isArray(reply)) return null
  const at = reply.findIndex((word, index) => index % 2 === 0 && text(word) === name)
  return at === -1 ? null : text(reply[at + 1])
}
