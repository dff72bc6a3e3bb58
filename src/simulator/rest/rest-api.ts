// The REST API from request to reply: the address's ban, faults, authorization, limits, the route, and what is noted of it.

import type { Clock } from "../../flow/clock.ts"
import type { Faults } from "../faults/faults.ts"
import type { RestFault } from "../faults/rest-fault.ts"
import type { Credentials } from "../gateway/credentials.ts"
import type { Reply } from "../http/reply.ts"
import type { RequestHead } from "../http/request.ts"
import type { ClientRecord } from "../record.ts"
import type { Answer } from "./answer.ts"
import { ApiError, noSuchRoute, unauthorized, wrongMethod } from "./api-error.ts"
import { Call } from "./call.ts"
import { cloudflareLimit } from "./cloudflare.ts"
import type { RestContext } from "./context.ts"
import { Counts, type RestCounts } from "./counts.ts"
import { RestLimits } from "./limits/limits.ts"
import { ROUTES } from "./routes/all.ts"
import { isAfterBody, isCutAtHead, isDelay, type Outcome, type Struck, suffer, whole } from "./suffer.ts"
import { digestOf, TokenDigests } from "./token-digests.ts"
import { type Visit, visitor } from "./visit.ts"

export interface RestServices {
  readonly context: RestContext
  readonly credentials: Credentials
  readonly faults: Faults
  readonly record: ClientRecord
  readonly clock: Clock
  /** False: requests are counted but not recorded one by one. */
  readonly recordsRequests: boolean
}

/** Discord's own servers answer through Google's, which the ban of an address does not. */
const FROM_DISCORD = "Via: 1.1 google\r\nServer: cloudflare\r\n"
const WITH_JSON = `Content-Type: application/json\r\n${FROM_DISCORD}`

export class RestApi {
  readonly limits: RestLimits
  readonly #services: RestServices
  readonly #visit = visitor(ROUTES)
  readonly #counts = new Counts()
  readonly #digests = new TokenDigests()

  constructor(services: RestServices) {
    this.#services = services
    this.limits = new RestLimits(
      ROUTES.map(({ name }) => name),
      services.clock,
    )
  }

  counts(): RestCounts {
    return { ...this.#counts.read(), allowed: this.limits.allowed(), buckets: this.limits.buckets() }
  }

  /** Counts anew; the limits go on. */
  clearCounts(): void {
    this.#counts.clear()
    this.limits.recount()
  }

  /** Before the body is read. */
  begin(head: RequestHead): "read" | "cut" {
    if (!this.#services.faults.hasRequestFaults()) return "read"
    const visit = this.#visit(head, EMPTY)
    const fault = this.#services.faults.takeRequest(visit.name, isCutAtHead)
    if (fault === undefined) return "read"
    this.#note(visit, 0, fault.type)
    return "cut"
  }

  answer(head: RequestHead, body: Buffer, reply: (reply: Reply) => void): void {
    const visit = this.#visit(head, body)
    const blockedMs = this.limits.blockedMs(head.ip)
    if (blockedMs > 0) {
      this.#counts.refused("address")
      this.#note(visit, 429)
      return reply(cloudflareLimit("html", Math.ceil(blockedMs / 1000)))
    }
    if (this.#services.faults.hasRequestFaults()) this.#answerWithFaults(visit, reply)
    else reply(whole(this.#noted(visit)))
  }

  /** A delay and another fault may happen to one request. */
  #answerWithFaults(visit: Visit, reply: (reply: Reply) => void): void {
    const { faults, clock } = this.#services
    const delay = faults.takeRequest(visit.name, isDelay)
    const fault = faults.takeRequest(visit.name, isAfterBody)
    const answer = () => {
      if (fault === undefined) reply(whole(this.#noted(visit, delay?.type)))
      else suffer(fault, this.#struck(visit, fault), reply)
    }
    if (delay === undefined) answer()
    else clock.after(delay.delayMs, answer)
  }

  /** A file that was uploaded. */
  file({ path }: RequestHead): Reply {
    const file = this.#services.context.attachments.find(path)
    if (file === undefined) return { type: "whole", status: 404, headers: "", body: "" }
    return { type: "whole", status: 200, headers: `Content-Type: ${file.contentType}\r\n`, body: file.bytes }
  }

  #struck(visit: Visit, fault: RestFault): Struck {
    return {
      carryOut: () => this.#noted(visit, fault.type),
      note: (status) => this.#note(visit, status, fault.type),
    }
  }

  #noted(visit: Visit, fault?: string): Outcome {
    const outcome = this.#outcome(visit)
    this.#note(visit, outcome.status, fault)
    return outcome
  }

  #outcome({ head, body, match }: Visit): Outcome {
    const authorization = authorizationOf(head)
    const isOpen = match.type === "route" && match.route.access === "open"
    if (!isOpen && !this.#isAuthorized(authorization)) return this.#failed(unauthorized(), head, "")
    if (match.type !== "route") return this.#failed(match.type === "none" ? noSuchRoute() : wrongMethod(), head, "")
    const { route, values } = match
    const call = new Call(head, body, route.names, values)
    const verdict = this.limits.take({
      route: route.name,
      major: route.majors === 1 ? (values[0] ?? "") : values.slice(0, route.majors).join("/"),
      owner: authorization === undefined ? head.ip : this.#digests.of(authorization),
      interaction:
        isOpen && (route.path.startsWith("/interactions/") || values[0] === this.#services.context.world.bot.id),
      messageId: () => values[route.names.indexOf("message")],
      body: () => call.peek(),
    })
    if (verdict.type === "refuse") {
      this.#counts.refused(verdict.scope)
      if (verdict.scope !== "shared") this.limits.countInvalid(head.ip)
      return { status: 429, headers: WITH_JSON + verdict.headers, body: verdict.body }
    }
    this.#counts.passed()
    try {
      return succeeded(route.run(call, this.#services.context), verdict.headers)
    } catch (error) {
      return this.#failed(error, head, verdict.headers)
    }
  }

  #isAuthorized(authorization: string | undefined): boolean {
    return authorization?.startsWith("Bot ") === true && this.#services.credentials.accepts(authorization)
  }

  #failed(error: unknown, { ip }: RequestHead, headers: string): Outcome {
    if (!(error instanceof ApiError)) {
      const message = `500: Internal Server Error (a defect of the simulator: ${String(error)})`
      return { status: 500, headers: WITH_JSON + headers, body: JSON.stringify({ message, code: 0 }) }
    }
    if (error.status === 401 || error.status === 403) this.limits.countInvalid(ip)
    return { status: error.status, headers: WITH_JSON + headers, body: error.json() }
  }

  #note({ head, body, name }: Visit, status: number, fault?: string): void {
    this.#counts.request(name, status)
    if (!this.#services.recordsRequests) return
    const authorization = authorizationOf(head)
    this.#services.record.add({
      kind: "request",
      method: head.method,
      path: head.path,
      query: head.search,
      route: name,
      token: authorization === undefined ? null : this.#digests.of(authorization),
      status,
      userAgent: head.headers.get("user-agent") ?? null,
      bodyBytes: body.length,
      bodyDigest: body.length === 0 ? null : digestOf(body),
      reason: head.headers.get("x-audit-log-reason") ?? null,
      fault: fault ?? null,
    })
  }
}

const EMPTY = Buffer.alloc(0)

/** An empty one is none. */
function authorizationOf({ headers }: RequestHead): string | undefined {
  return headers.get("authorization") || undefined
}

function succeeded({ status, json }: Answer, headers: string): Outcome {
  return { status, headers: (json === null ? FROM_DISCORD : WITH_JSON) + headers, body: json }
}
