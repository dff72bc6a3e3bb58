// What a fault makes of a request and its reply.

import type { RestFault } from "../faults/rest-fault.ts"
import type { Reply } from "../http/reply.ts"
import { cloudflareLimit, gatewayError } from "./cloudflare.ts"
import { download } from "./download.ts"

/** What a request comes to. */
export interface Outcome {
  readonly status: number
  readonly headers: string
  readonly body: string | null
}

/** The request that a fault happens to. */
export interface Struck {
  /** Does what was asked for, and notes it. */
  carryOut(): Outcome
  /** Notes that it was not done. */
  note(status: number): void
}

type Delay = Extract<RestFault, { type: "delay" }>

const NOT_ANSWERED = 0

export function suffer(fault: Exclude<RestFault, Delay>, struck: Struck, reply: (reply: Reply) => void): void {
  switch (fault.type) {
    case "silence":
      struck.note(NOT_ANSWERED)
      return reply({ type: "silence" })
    case "drop":
      return reply(drop(fault.at, struck))
    case "bad-gateway":
      struck.note(fault.status)
      return reply(gatewayError(fault.status))
    case "cloudflare-limit":
      struck.note(429)
      return reply(cloudflareLimit(fault.format, fault.retryAfterSeconds))
    case "download": {
      const outcome = struck.carryOut()
      if (outcome.status >= 400) return reply(whole(outcome))
      return reply(download(fault.bytes, outcome.headers.replace(/^Content-Type:.*\r\n/, "")))
    }
  }
}

function drop(at: Extract<RestFault, { type: "drop" }>["at"], struck: Struck): Reply {
  if (at === "head" || at === "body") {
    struck.note(NOT_ANSWERED)
    return { type: "cut" }
  }
  const { status, headers, body } = struck.carryOut()
  return at === "done" ? { type: "cut" } : { type: "half", status, headers, body: body ?? "" }
}

export function isDelay(fault: RestFault): fault is Delay {
  return fault.type === "delay"
}

/** Those that happen before the body is read. */
export function isCutAtHead(fault: RestFault): fault is Extract<RestFault, { type: "drop" }> {
  return fault.type === "drop" && fault.at === "head"
}

export function isAfterBody(fault: RestFault): fault is Exclude<RestFault, Delay> {
  return !isDelay(fault) && !isCutAtHead(fault)
}

export function whole({ status, headers, body }: Outcome): Reply {
  return { type: "whole", status, headers, body }
}
