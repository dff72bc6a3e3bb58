// The HTTP door: Discord's API as a server of our own. Takes requests, passes them on, and streams the answers back.

import { formatListenAddress } from "../../config/listen-address.ts"
import { OperatorError } from "../../ops/operator-error.ts"
import type { DoorOptions } from "../door.ts"
import { badRequest, type Failure, failureResponse, refused } from "../failure.ts"
import { ProxyRequest, type ProxyRequestParts, type RequestDoor } from "../proxy-request.ts"
import { parseTarget } from "../target.ts"
import { HeldBytes, mostKeptBytes, readBody } from "./request-body.ts"
import { dropResponseHeaders, takeRequestHeaders } from "./request-headers.ts"
import { brokenQuietly } from "./response-body.ts"

/** The most that Bun allows. Waiting requests are exempt: they have deadlines of their own. */
const IDLE_SECONDS = 255
/** Above the largest upload that Discord takes. */
const MAX_BODY_BYTES = 512 * 1024 * 1024
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])

export interface HttpDoorOptions extends DoorOptions {
  readonly hostname: string
  /** 0: any that is free. */
  readonly port: number
}

export interface HttpDoor {
  /** The port it listens on. */
  readonly port: number
  /** Requests in hand. */
  readonly pending: number
  /** Accepts nothing new. Resolves once everything in hand was answered. */
  finish(): Promise<void>
  /** Lets go of every connection. */
  stop(): Promise<void>
}

/** @throws OperatorError, naming the address, when it cannot listen. */
export function openHttpDoor(options: HttpDoorOptions): HttpDoor {
  const { hostname, port, log } = options
  const door = new Door(options)
  const start = () => {
    try {
      return Bun.serve({
        hostname,
        port,
        idleTimeout: IDLE_SECONDS,
        // Bun's own answer to more would not say who refuses, and why.
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        fetch: (request, server) => door.answer(request, server),
        error: (error) => {
          log.error({ err: error }, "a request could not be answered")
          return failureResponse(badRequest("The proxy failed to answer; its log says why.", 500))
        },
      })
    } catch (error) {
      throw new OperatorError(listenSentence(error, hostname, port))
    }
  }
  const server = start()
  return {
    port: server.port ?? port,
    get pending() {
      return server.pendingRequests
    },
    finish: () => server.stop(false),
    stop: () => server.stop(true),
  }
}

/** What is needed of Bun's server. */
interface Server {
  timeout(request: Request, seconds: number): void
}

class Door {
  readonly #options: HttpDoorOptions
  readonly #held = new HeldBytes()

  constructor(options: HttpDoorOptions) {
    this.#options = options
  }

  // Chained and not awaited where there is no body: an async function costs a microsecond more.
  answer(request: Request, server: Server): Response | Promise<Response> {
    const { apiVersion, clock, timeoutMs } = this.#options
    const { method, headers, url } = request
    if (!METHODS.has(method))
      return this.#refuse(badRequest(`Cannot pass on ${method}: Discord has no such method.`, 405))
    const target = parseTarget(pathOf(url), apiVersion)
    if ("problem" in target) return this.#refuse(badRequest(target.problem, 404))
    const options = takeRequestHeaders(headers, this.#tokenFor(target.path))
    if (typeof options === "string") return this.#refuse(badRequest(options))
    const withinMs = options.timeoutMs ?? timeoutMs
    const deadlineMs = withinMs === Number.POSITIVE_INFINITY ? withinMs : clock.nowMs() + withinMs
    const door = new Connection(request, server)
    const parts = { method, target, headers, body: null, priority: options.priority, deadlineMs, door }
    return request.body === null ? this.#pass(parts) : this.#passWithBody(parts, request)
  }

  #pass(parts: ProxyRequestParts): Promise<Response> {
    const { globalLimits, clock, log, send, answered } = this.#options
    const { headers, body } = parts
    if (body === null) headers.delete("content-length")
    const passing = new ProxyRequest(parts, globalLimits, clock)
    return send(passing).then((result) => {
      answered(passing.route, result.status)
      if (!(result instanceof Response)) return failureResponse(result)
      dropResponseHeaders(result.headers)
      const { kind, template } = passing.route
      if (kind === "plain") return result
      return brokenQuietly(result, () => {
        log.warn({ route: template }, "the connection to Discord broke in the middle of its answer")
      })
    })
  }

  async #passWithBody(parts: ProxyRequestParts, request: Request): Promise<Response> {
    const length = contentLength(parts.headers)
    if (length !== null && length > MAX_BODY_BYTES) return this.#refuse(TOO_LARGE)
    let heldBytes = mostKeptBytes(length)
    if (!this.#held.take(heldBytes)) return this.#refuse(FULL)
    try {
      const body = await readBody(request, length)
      if (body instanceof Uint8Array) {
        this.#held.give(heldBytes - body.length)
        heldBytes = body.length
      }
      return await this.#pass({ ...parts, body })
    } finally {
      this.#held.give(heldBytes)
    }
  }

  /** Before it is known which route it would have been. */
  #refuse(failure: Failure): Response {
    this.#options.answered(null, failure.status)
    return failureResponse(failure)
  }

  /** Our own token, where the path does not carry one itself. */
  #tokenFor(path: string): string | null {
    const { token } = this.#options
    if (token === null || path.startsWith("/interactions/") || /^\/webhooks\/\d+\/./.test(path)) return null
    return token()
  }
}

const FULL = refused({ type: "refused", reason: "queue full", retryAfterMs: null })
const TOO_LARGE = badRequest(
  `Cannot pass on a body of more than ${MAX_BODY_BYTES} bytes: Discord takes none as large.`,
  413,
)

/** What a waiting request needs of its connection. A class, since there is one for each request. */
class Connection implements RequestDoor {
  readonly #request: Request
  readonly #server: Server

  constructor(request: Request, server: Server) {
    this.#request = request
    this.#server = server
  }

  signal(): AbortSignal {
    // It waits for a limit: that the connection is idle meanwhile says nothing.
    this.#server.timeout(this.#request, 0)
    return this.#request.signal
  }
}

/** Bun makes a URL of the Host header; what Host says is of no interest. Without one, as HTTP/1.0 may be, it is the path alone. */
function pathOf(url: string): string {
  return url.startsWith("/") ? url : url.slice(Math.max(0, url.indexOf("/", url.indexOf("://") + 3)))
}

function contentLength(headers: Headers): number | null {
  const text = headers.get("content-length")
  return text === null ? null : Number(text)
}

function listenSentence(error: unknown, hostname: string, port: number): string {
  const start = `Cannot listen on ${formatListenAddress({ hostname, port })}:`
  switch (error instanceof Error && "code" in error ? error.code : undefined) {
    case "EADDRINUSE":
      return `${start} the port is in use; stop what listens there, or set http.address to another port.`
    case "EACCES":
      return `${start} this user may not listen there; set http.address to a port above 1023.`
    case "EADDRNOTAVAIL":
      return `${start} this machine has no such address; set http.address to one of its own, or to 0.0.0.0 for all.`
    default:
      return `${start} ${error instanceof Error ? error.message : String(error)}; correct http.address.`
  }
}
