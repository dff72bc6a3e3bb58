// Lists of members (op 8). Equal requests that are under way at the same time are one packet; Discord's rate limit is
// waited for.
// Source: Discord's documentation, Gateway Events › Request Guild Members, Rate Limited.

import { randomBytes } from "node:crypto"
import type { GatewayRequestGuildMembersData } from "discord-api-types/v10"
import { Opcode } from "../../discord/opcodes.ts"
import type { Clock } from "../../flow/clock.ts"
import type { GatewayEvents } from "../events.ts"
import { Answers } from "./answers.ts"
import { MemberList } from "./member-list.ts"
import { checkGuild, type GatewayBroker, type Sender } from "./send.ts"

const EVENTS = ["GUILD_MEMBERS_CHUNK", "RATE_LIMITED"] as const
/** Discord's bound on ids in one request. */
const MAX_USER_IDS = 100
/** How often a request is sent again after Discord's rate limit. */
const MAX_RATE_LIMITS = 5
/** The gateway holds a request for all members back for up to 30 s, since Discord allows one per guild in that time. */
const DEFAULT_TIMEOUT_MS = 60_000
const NONCE_BYTES = 12

/** Which members. Without `query` and `userIds`: all of them, for which the bot needs the GUILD_MEMBERS intent. */
export interface MemberQuery {
  readonly guildId: string
  /** What their names start with. */
  readonly query?: string
  /** At most so many by `query`, up to 100. Default 0: Discord's own limit. */
  readonly limit?: number
  /** At most 100. */
  readonly userIds?: readonly string[]
  /** With their presences, for which the bot needs the GUILD_PRESENCES intent. */
  readonly presences?: boolean
  /** Longest silence before the list fails. Default 60,000. */
  readonly timeoutMs?: number
}

/** One packet that was sent, and what became of it. */
interface Request {
  readonly key: string
  readonly query: MemberQuery
  readonly nonce: string
  readonly list: MemberList
  rateLimits: number
  cancelTimer: () => void
}

export class Members {
  readonly #sender: Sender
  readonly #clock: Clock
  /** By nonce; each leaves when it is whole or has failed. */
  readonly #requests = new Map<string, Request>()
  readonly #answers: Answers<(typeof EVENTS)[number]>

  constructor(broker: GatewayBroker, sender: Sender, clock: Clock) {
    this.#sender = sender
    this.#clock = clock
    this.#answers = new Answers(broker, EVENTS, (message) => {
      if (message.event === "GUILD_MEMBERS_CHUNK") this.#chunk(message.data)
      else this.#rateLimited(message.data)
    })
  }

  /** @throws TypeError or RangeError for what Discord would refuse. */
  list(query: MemberQuery): MemberList {
    const key = keyOf(query)
    for (const request of this.#requests.values()) if (request.key === key) return request.list
    const nonce = randomBytes(NONCE_BYTES).toString("hex")
    const list = new MemberList()
    const request: Request = { key, query, nonce, list, rateLimits: 0, cancelTimer: () => {} }
    this.#requests.set(nonce, request)
    void this.#send(request)
    return list
  }

  async close(): Promise<void> {
    const reason = new Error("Cannot list members: the gateway client was closed.")
    for (const request of [...this.#requests.values()]) this.#fail(request, reason)
    await this.#answers.close()
  }

  async #send(request: Request): Promise<void> {
    try {
      await this.#answers.watch()
      this.#wait(request)
      const { guildId } = request.query
      await this.#sender.send(guildId, { op: Opcode.RequestGuildMembers, d: dataOf(request.query, request.nonce) })
    } catch (error) {
      this.#fail(request, error)
    }
  }

  #chunk(chunk: GatewayEvents["GUILD_MEMBERS_CHUNK"]): void {
    const request = this.#requests.get(chunk.nonce ?? "")
    if (request === undefined) return
    if (request.list.add(chunk)) this.#end(request)
    else this.#wait(request)
  }

  #rateLimited({ opcode, retry_after: retryAfterSeconds, meta }: GatewayEvents["RATE_LIMITED"]): void {
    if (opcode !== Opcode.RequestGuildMembers) return
    const request = this.#requests.get(meta.nonce ?? "")
    if (request === undefined) return
    request.rateLimits += 1
    const { guildId } = request.query
    if (request.rateLimits > MAX_RATE_LIMITS) {
      const found = `Discord's rate limit was hit ${request.rateLimits} times`
      return this.#fail(request, new Error(`Cannot list members of guild ${guildId}: ${found}; ask less often.`))
    }
    request.cancelTimer()
    request.cancelTimer = this.#clock.after(retryAfterSeconds * 1_000, () => void this.#send(request))
  }

  #wait(request: Request): void {
    const { guildId, timeoutMs = DEFAULT_TIMEOUT_MS } = request.query
    request.cancelTimer()
    request.cancelTimer = this.#clock.after(timeoutMs, () => {
      const hint = `the gateway's events must have ${EVENTS.join(" and ")}, and its shards the guild`
      const error = new Error(`Cannot list members of guild ${guildId}: nothing came for ${timeoutMs} ms; ${hint}.`)
      this.#fail(request, error)
    })
  }

  #fail(request: Request, error: unknown): void {
    this.#end(request)
    request.list.fail(error)
  }

  #end({ nonce, cancelTimer }: Request): void {
    cancelTimer()
    this.#requests.delete(nonce)
  }
}

/** Equal for requests that have the same answer. */
function keyOf({ guildId, query, limit = 0, userIds, presences = false }: MemberQuery): string {
  checkGuild(guildId)
  if (userIds !== undefined && userIds.length > MAX_USER_IDS) {
    throw new RangeError(`Cannot list ${userIds.length} members by id: Discord takes at most ${MAX_USER_IDS} at once.`)
  }
  return JSON.stringify([guildId, query ?? "", limit, userIds?.toSorted(), presences])
}

function dataOf({ guildId, query, limit = 0, userIds, presences }: MemberQuery, nonce: string) {
  const which = userIds === undefined ? { query: query ?? "", limit } : { user_ids: [...userIds], limit }
  const data: GatewayRequestGuildMembersData = {
    guild_id: guildId,
    ...which,
    ...(presences === undefined ? {} : { presences }),
    nonce,
  }
  return data
}
