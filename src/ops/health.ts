// The operator's HTTP server: metrics, liveness, readiness and the state of the shards. Runs only when an address is set.

import type { Logger } from "./log.ts"
import type { Metrics } from "./metrics.ts"
import { OperatorError } from "./operator-error.ts"

const HEALTH_PATH = "/healthz"
const READY_PATH = "/readyz"
const SHARDS_PATH = "/shards"

/** Ready when everything that this process owns is. `reason` says what is missing, as in `shards 3 and 5 are not ready`. */
export type Readiness =
  /** `note`: what is not as it should be all the same. */
  { readonly ready: true; readonly note?: string } | { readonly ready: false; readonly reason: string }

export interface HealthOptions {
  readonly hostname: string
  /** 0: any that is free. */
  readonly port: number
  readonly metricsPath: string
  readonly metrics: Metrics
  readonly readiness: () => Readiness
  /** A JSON value: the state of the shards, or of what `statePath` names. */
  readonly shards: () => unknown
  /** Where that is served; `/shards` when absent. */
  readonly statePath?: string
  /** The setting that an address that cannot be had is blamed on; `prometheus.address` when absent. */
  readonly addressKey?: string
  readonly logger: Logger
}

export interface HealthServer {
  /** The port it listens on. */
  readonly port: number
  stop(): Promise<void>
}

/**
 * Starts listening.
 * @throws OperatorError with one sentence, naming the address and what to change, when it cannot.
 */
export function startHealthServer(options: HealthOptions): HealthServer {
  const { hostname, port, addressKey = "prometheus.address" } = options
  try {
    const server = Bun.serve({
      hostname,
      port,
      fetch: (request) => answer(request, options),
      error: (error) => {
        options.logger.error({ err: error }, "Cannot answer a request for metrics or health.")
        return text(500, "The answer could not be made; the log says why.")
      },
    })
    return { port: server.port ?? port, stop: () => server.stop(true) }
  } catch (error) {
    throw new OperatorError(listenSentence(error, hostname, port, addressKey), { cause: error })
  }
}

async function answer(request: Request, options: HealthOptions): Promise<Response> {
  const { pathname } = new URL(request.url)
  const { statePath = SHARDS_PATH } = options
  const known = [options.metricsPath, HEALTH_PATH, READY_PATH, statePath]
  if (!known.includes(pathname)) return text(404, `There is nothing at this path; there is ${known.join(", ")}.`)
  if (request.method !== "GET" && request.method !== "HEAD") {
    return text(405, "Only GET is answered here.", { allow: "GET, HEAD" })
  }
  switch (pathname) {
    case HEALTH_PATH:
      return text(200, "ok")
    case READY_PATH: {
      const readiness = options.readiness()
      if (!readiness.ready) return text(503, readiness.reason)
      return text(200, readiness.note === undefined ? "ready" : `ready, but ${readiness.note}`)
    }
    case statePath:
      return Response.json(options.shards())
    default:
      return new Response(await options.metrics.text(), { headers: { "content-type": options.metrics.contentType } })
  }
}

function text(status: number, line: string, headers: Record<string, string> = {}): Response {
  return new Response(`${line}\n`, { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers } })
}

function listenSentence(error: unknown, hostname: string, port: number, key: string): string {
  const address = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`
  const start = `Cannot serve metrics on ${address}:`
  switch (error instanceof Error && "code" in error ? error.code : undefined) {
    case "EADDRINUSE":
      return `${start} the port is in use; stop what listens there, or set ${key} to another port.`
    case "EACCES":
      return `${start} this user may not listen there; set ${key} to a port above 1023.`
    case "EADDRNOTAVAIL":
      return `${start} this machine has no such address; set ${key} to one of its own, or to 0.0.0.0 for all.`
    default:
      return `${start} ${error instanceof Error ? error.message : String(error)}; correct ${key}.`
  }
}
