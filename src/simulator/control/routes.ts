// The simulator's own HTTP API, under /simulator: what `Simulator` can do, as JSON, for bots in other languages and
// processes. Documented in docs/simulator.md.

import { z } from "zod"
import { type Fault, FaultError } from "../faults/fault.ts"
import { jsonReply, type Reply } from "../http/reply.ts"
import type { RequestHead } from "../http/request.ts"
import { ApiError } from "../rest/api-error.ts"
import { limitChangeSchema } from "../rest/limits/settings.ts"
import type { Simulator } from "../simulator.ts"
import type { Burst } from "../traffic/burst.ts"

const count = z.number().int().min(0)
const dispatchBody = z.object({ shard: count.default(0), t: z.string(), d: z.unknown().optional() })
const trafficBody = z.object({ rate: z.union([z.number().min(0).max(1_000_000), z.literal("flat-out")]) })
const interactionBody = z.strictObject({
  command: z.string(),
  channel_id: z.string().optional(),
  user_id: z.string().optional(),
  options: z.array(z.looseObject({})).optional(),
})
const messageBody = z.strictObject({
  content: z.string(),
  channel_id: z.string().optional(),
  user_id: z.string().optional(),
})
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

interface ControlRequest {
  readonly method: string
  readonly resource: string
  readonly id: string | undefined
  readonly body: Buffer
  readonly query: URLSearchParams
}

export class Control {
  readonly #simulator: Simulator
  readonly #bursts = new Map<number, Burst>()
  #nextBurst = 1

  constructor(simulator: Simulator) {
    this.#simulator = simulator
  }

  /** Undefined when the path is not under /simulator. */
  async route({ method, path, search }: RequestHead, body: Buffer): Promise<Reply | undefined> {
    const [, root, resource = "", id] = path.split("/")
    if (root !== "simulator") return undefined
    try {
      const result = await this.#do({ method, resource, id, body, query: new URLSearchParams(search) })
      return result === undefined ? { type: "whole", status: 204, headers: "", body: null } : jsonReply(200, result)
    } catch (error) {
      if (error instanceof ControlError) return jsonReply(error.status, { message: error.message })
      if (error instanceof FaultError || error instanceof RangeError || error instanceof ApiError)
        return jsonReply(400, { message: error.message })
      throw error
    }
  }

  async #do({ method, resource, id, body: request, query }: ControlRequest): Promise<unknown> {
    const simulator = this.#simulator
    switch (`${method} ${resource}`) {
      case "GET ":
        return this.#state()
      case "GET faults":
        return simulator.faults()
      case "POST faults":
        // `inject` checks the shape itself.
        return simulator.inject(json(request) as Fault)
      case "DELETE faults":
        return this.#cancel(id)
      case "POST dispatch": {
        const { shard, t, d } = body(request, dispatchBody)
        return { sessions: simulator.dispatch(shard, t, d) }
      }
      case "PUT traffic":
        return simulator.setRate(body(request, trafficBody).rate)
      case "PATCH limits": {
        simulator.setLimits(defined(body(request, limitsBody)))
        return simulator.limits()
      }
      case "GET rest":
        return id === "limits" ? simulator.rest.limits() : simulator.rest.counts()
      case "DELETE rest":
        return id === "limits" ? simulator.rest.resetLimits() : simulator.rest.clearCounts()
      case "PATCH rest": {
        simulator.rest.setLimits(body(request, limitChangeSchema))
        return simulator.rest.limits()
      }
      case "POST interactions":
        return this.#interact(body(request, interactionBody))
      case "POST messages":
        return this.#say(body(request, messageBody))
      case "GET sessions":
        return id === undefined ? simulator.sessions() : this.#log(id, query)
      case "GET record":
        return this.#entries(query)
      case "DELETE record":
        return simulator.record.clear()
      case "POST bursts":
        return id === undefined ? this.#prepare(request) : this.#send(id)
      default:
        throw new ControlError(404, `There is no ${method} /simulator/${resource}: see docs/simulator.md.`)
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
      example: this.#example(),
    }
  }

  /** Ids to try things with. */
  #example() {
    const { world } = this.#simulator
    const guild = world.guildIds[0] === undefined ? undefined : world.guild(world.guildIds[0])
    return {
      guild_id: guild?.id ?? null,
      channel_id: guild?.textChannels[0]?.id ?? null,
      user_id: guild?.members[1]?.user.id ?? null,
      application_id: world.bot.id,
    }
  }

  #cancel(id: string | undefined): undefined {
    if (id === undefined) this.#simulator.clearFaults()
    else if (!this.#simulator.cancel(Number(id))) throw new ControlError(404, `No fault waits under the id ${id}.`)
  }

  #interact({ command, channel_id: channelId, user_id: userId, options }: z.output<typeof interactionBody>) {
    return this.#simulator.rest.interact({ command, ...defined({ channelId, userId, options }) })
  }

  #say({ content, channel_id: channelId, user_id: userId }: z.output<typeof messageBody>) {
    return this.#simulator.rest.say({ content, ...defined({ channelId, userId }) })
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

  async #prepare(request: Buffer) {
    const options = body(request, burstBody)
    if (this.#bursts.size >= MAX_BURSTS) throw new ControlError(409, `${MAX_BURSTS} bursts wait already: send some.`)
    const { id, shard, events, bytes, lastSequence } = this.#keep(await this.#simulator.prepareBurst(options))
    return { id, shard, events, bytes, lastSequence }
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

function json(body: Buffer): unknown {
  if (body.length > MAX_BODY_BYTES) throw new ControlError(413, `The body is larger than ${MAX_BODY_BYTES} bytes.`)
  try {
    return JSON.parse(body.toString("utf8"))
  } catch {
    throw new ControlError(400, "The body is not JSON.")
  }
}

function body<T extends z.ZodType>(request: Buffer, schema: T): z.output<T> {
  const parsed = schema.safeParse(json(request))
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
