// The simulator's own HTTP API, under /simulator: what `Simulator` can do, as JSON, for bots in other languages and
// processes. Documented in docs/simulator.md.

import { z } from "zod"
import { type Fault, FaultError } from "../faults/fault.ts"
import type { Simulator } from "../simulator.ts"
import type { Burst } from "../traffic/burst.ts"

const count = z.number().int().min(0)
const dispatchBody = z.object({ shard: count.default(0), t: z.string(), d: z.unknown().optional() })
const trafficBody = z.object({ rate: z.union([z.number().min(0).max(1_000_000), z.literal("flat-out")]) })
const burstBody = z.object({ shard: count.default(0), events: z.number().int().min(1) })
const limitsBody = z.strictObject({
  total: count.optional(),
  remaining: count.optional(),
  reset_after: count.optional(),
  max_concurrency: z.number().int().min(1).optional(),
})

const MAX_BODY_BYTES = 16 * 1024 * 1024
/** Prepared bursts hold their bytes; more than this at once is a mistake. */
const MAX_BURSTS = 64

/** The request cannot be done; the message says why. */
class ControlError extends Error {
  override readonly name = "ControlError"
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export class Control {
  readonly #simulator: Simulator
  readonly #bursts = new Map<number, Burst>()
  #nextBurst = 1

  constructor(simulator: Simulator) {
    this.#simulator = simulator
  }

  /** Undefined when the path is not under /simulator. */
  async route(request: Request): Promise<Response | undefined> {
    const url = new URL(request.url)
    const [, root, resource = "", id] = url.pathname.split("/")
    if (root !== "simulator") return undefined
    try {
      const result = await this.#do(`${request.method} ${resource}`, id, request, url.searchParams)
      return result === undefined ? new Response(null, { status: 204 }) : Response.json(result)
    } catch (error) {
      if (error instanceof ControlError) return Response.json({ message: error.message }, { status: error.status })
      if (error instanceof FaultError) return Response.json({ message: error.message }, { status: 400 })
      throw error
    }
  }

  async #do(route: string, id: string | undefined, request: Request, query: URLSearchParams): Promise<unknown> {
    const simulator = this.#simulator
    switch (route) {
      case "GET ":
        return this.#state()
      case "GET faults":
        return simulator.faults()
      case "POST faults":
        // `inject` checks the shape itself.
        return simulator.inject((await json(request)) as Fault)
      case "DELETE faults":
        return this.#cancel(id)
      case "POST dispatch": {
        const { shard, t, d } = await body(request, dispatchBody)
        return { sessions: simulator.dispatch(shard, t, d) }
      }
      case "PUT traffic":
        return simulator.setRate((await body(request, trafficBody)).rate)
      case "PATCH limits": {
        simulator.setLimits(defined(await body(request, limitsBody)))
        return simulator.limits()
      }
      case "GET sessions":
        return id === undefined ? simulator.sessions() : this.#log(id, query)
      case "GET record":
        return this.#entries(query)
      case "DELETE record":
        return simulator.record.clear()
      case "POST bursts":
        return id === undefined ? this.#prepare(request) : this.#send(id)
      default:
        throw new ControlError(
          404,
          `There is no ${request.method} /simulator/${route.split(" ")[1]}: see docs/simulator.md.`,
        )
    }
  }

  #state() {
    const { url, gatewayUrl } = this.#simulator
    const simulator = this.#simulator
    return {
      url,
      gateway_url: gatewayUrl,
      rate: simulator.rate(),
      limits: simulator.limits(),
      sessions: simulator.sessions().filter((session) => session.live),
      faults: simulator.faults(),
    }
  }

  #cancel(id: string | undefined): undefined {
    if (id === undefined) this.#simulator.clearFaults()
    else if (!this.#simulator.cancel(Number(id))) throw new ControlError(404, `No fault waits under the id ${id}.`)
  }

  #log(sessionId: string, query: URLSearchParams) {
    const log = this.#simulator.log(sessionId, Number(query.get("after") ?? 0))
    if (log === undefined) throw new ControlError(404, `There is no session ${sessionId}.`)
    return log
  }

  #entries(query: URLSearchParams) {
    const kind = query.get("kind")
    const after = Number(query.get("after") ?? -1)
    return this.#simulator.record.all().filter((entry) => entry.index > after && (kind ?? entry.kind) === entry.kind)
  }

  async #prepare(request: Request) {
    const options = await body(request, burstBody)
    if (this.#bursts.size >= MAX_BURSTS) throw new ControlError(409, `${MAX_BURSTS} bursts wait already: send some.`)
    const { send: _, ...burst } = await this.#keep(await this.#simulator.prepareBurst(options))
    return burst
  }

  #keep(burst: Burst) {
    const id = this.#nextBurst
    this.#nextBurst += 1
    this.#bursts.set(id, burst)
    return { ...burst, id }
  }

  async #send(id: string): Promise<undefined> {
    const burst = this.#bursts.get(Number(id))
    if (burst === undefined) throw new ControlError(404, `No burst is prepared under the id ${id}.`)
    this.#bursts.delete(Number(id))
    await burst.send()
  }
}

async function json(request: Request): Promise<unknown> {
  const text = await request.text()
  if (text.length > MAX_BODY_BYTES) throw new ControlError(413, `The body is larger than ${MAX_BODY_BYTES} bytes.`)
  try {
    return JSON.parse(text)
  } catch {
    throw new ControlError(400, "The body is not JSON.")
  }
}

async function body<T extends z.ZodType>(request: Request, schema: T): Promise<z.output<T>> {
  const parsed = schema.safeParse(await json(request))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new ControlError(400, `"${issue?.path.join(".") ?? ""}": ${issue?.message ?? "wrong"}.`)
}

/** Without the keys that are undefined. */
function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
