// The ledger in Redis: one script, on one server's clock. How it keeps the dead from writing: fencing.ts.

import type { Client } from "../../brokers/redis/clients.ts"
import { Script } from "../../brokers/redis/script.ts"
import type { ShardSet } from "../shard-set.ts"
import { endStrayWrites, endWrites, type Fencing } from "./fencing.ts"
import type { Answer, Beat, Book, Invite, Lease, Ledger, LedgerNode, LedgerShards, OtherSet } from "./ledger.ts"
import { EXCHANGE_SCRIPT } from "./redis-script.ts"

const REPLICATE_WITHIN_MS = 500
const EXCHANGE = new Script(EXCHANGE_SCRIPT)

export interface RedisLedgerOptions {
  readonly commands: Client
  /** A connection that only listens. */
  readonly subscriber: Client
  /** What the keys begin with: the same for every gateway of a bot, another for each bot. */
  readonly prefix: string
  readonly node: string
  /** By name where absent. */
  readonly fencing?: Fencing
  /** Events go to that Redis too; they do where absent. */
  readonly isPublishing?: boolean
  /** Replicas that must have what a beat changed before its answer counts. Not asked for in a cluster. */
  readonly replicas?: number
  /** How long they may take. */
  readonly replicateWithinMs?: number
}

/** Redis answered what our script does not: something else is kept under our keys. */
export class LedgerAnswerError extends Error {
  override readonly name = "LedgerAnswerError"
}

export function ledgerKeys(prefix: string) {
  const tag = `{${prefix}}:fleet`
  return {
    about: tag,
    nodes: `${tag}:nodes`,
    leases: `${tag}:leases`,
    changes: `${tag}:changes`,
    channel: `${tag}:changed`,
    reshard: `{${prefix}}:reshard`,
  } as const
}

export function redisLedger(options: RedisLedgerOptions): Ledger {
  return new RedisLedger(options)
}

class RedisLedger implements Ledger {
  readonly #options: RedisLedgerOptions
  /** What stood in the ledger, on which server and at which version of it. */
  #known: { readonly version: string; readonly leases: ReadonlyMap<number, Lease> } = { version: "", leases: new Map() }
  #isBusy = false

  constructor(options: RedisLedgerOptions) {
    this.#options = options
  }

  async exchange(beat: Beat): Promise<Answer> {
    // While Redis is away, one waits for it: more would pile up.
    if (this.#isBusy) throw new LedgerAnswerError("an earlier beat is not answered yet")
    this.#isBusy = true
    try {
      const { commands, prefix, fencing = "name" } = this.#options
      const { about, nodes, leases, changes, channel, reshard } = ledgerKeys(prefix)
      const keys = [about, nodes, leases, changes, reshard]
      const ask = [JSON.stringify(beat), channel, this.#known.version, fencing]
      const reply = await EXCHANGE.run(commands, keys, ask)
      await this.#expectReplicas()
      return this.#read(reply)
    } finally {
      this.#isBusy = false
    }
  }

  async shards(): Promise<LedgerShards | null> {
    const { commands, prefix } = this.#options
    const { about, nodes } = ledgerKeys(prefix)
    const asked = [commands.hmget(about, "first", "count", "configured"), commands.hgetall(nodes)] as const
    const [[first, count, configured], members] = await Promise.all(asked)
    if (count == null) return null
    return {
      set: { firstSlot: Number(first ?? 0), count: Number(count) },
      configured: configured == null ? null : Number(configured),
      hasMembers: Object.keys(members).length > 0,
      capacity: capacityOf(members),
    }
  }

  onChange(listener: () => void): void {
    const { subscriber, prefix, node } = this.#options
    const { channel } = ledgerKeys(prefix)
    subscriber.on("message", (where: string, news: string) => {
      const [by, ...about] = news.split("\n")
      if (where === channel && by !== node && (about.length === 0 || about.includes(node))) listener()
    })
    // What was told before it listens it has not heard: a process that joins is handed shards within a few milliseconds.
    // Without the messages the next beat tells as much, a little later.
    subscriber.subscribe(channel).then(listener, () => {})
  }

  fence(node: string): Promise<void> {
    const { commands, prefix, fencing = "name" } = this.#options
    return endWrites(commands, fencing, prefix, node)
  }

  async sweep(spared: readonly string[]): Promise<number> {
    const { commands, prefix, fencing = "name", isPublishing = true } = this.#options
    return isPublishing ? await endStrayWrites(commands, fencing, prefix, spared) : 0
  }

  async close(): Promise<void> {
    this.#options.commands.disconnect()
    this.#options.subscriber.disconnect()
  }

  /** An old master that sentinels have replaced answers still, and no replica follows it any more. */
  async #expectReplicas(): Promise<void> {
    const { commands, replicas = 0, replicateWithinMs = REPLICATE_WITHIN_MS } = this.#options
    if (replicas === 0 || commands.isCluster) return
    const count = Number(await commands.call("WAIT", [String(replicas), String(Math.ceil(replicateWithinMs))]))
    if (count < replicas)
      throw new LedgerAnswerError(`${count} replicas have the leases, and redis.replicas is ${replicas}`)
  }

  #read(reply: unknown): Answer {
    const answer: readonly unknown[] = Array.isArray(reply) ? reply : []
    const [type, nowMs, claimFromMs, isSwept, setText, otherText, version, nodes, isPart, leases] = answer
    const set = readSet(setText)
    if ((type !== "member" && type !== "fenced" && type !== "other-count") || set === null) {
      throw new LedgerAnswerError(`Redis answered ${JSON.stringify(reply)} where the fleet's ledger was due`)
    }
    if (String(version) !== this.#known.version) {
      const read = pairs(leases).map(readLease)
      const before = isPart === 1 ? this.#known.leases : []
      this.#known = { version: String(version), leases: new Map([...before, ...read]) }
    }
    const book: Book = {
      nowMs: Number(nowMs),
      claimFromMs: Number(claimFromMs),
      isSwept: isSwept === 1,
      set,
      other: readOther(otherText),
      nodes: pairs(nodes).map((node) => readNode(node, String(claimFromMs))),
      leases: this.#known.leases,
    }
    return { type, book }
  }
}

function pairs(flat: unknown): readonly (readonly [string, readonly string[]])[] {
  if (!Array.isArray(flat)) throw new LedgerAnswerError("Redis answered no list where the fleet's ledger was due")
  const found: (readonly [string, readonly string[]])[] = []
  for (let at = 0; at + 1 < flat.length; at += 2) found.push([String(flat[at]), String(flat[at + 1]).split("|")])
  return found
}

/** Of those that take shards. */
function capacityOf(members: Readonly<Record<string, string>>): number {
  return Object.entries(members)
    .map(([id, text]) => readNode([id, text.split("|")], ""))
    .reduce((sum, { isDead, isDraining, capacity }) => (isDead || isDraining ? sum : sum + capacity), 0)
}

/** `8:16`: sixteen shards, the first of which has the slot 8. */
function readSet(text: unknown): ShardSet | null {
  const [, firstSlot, count] = /^(\d+):(\d+)/.exec(String(text)) ?? []
  return firstSlot === undefined ? null : { firstSlot: Number(firstSlot), count: Number(count) }
}

/** `8:16:1`: the same, and it closes. */
function readOther(text: unknown): OtherSet | null {
  const set = readSet(text)
  return set === null ? null : { ...set, isClosing: String(text).endsWith(":1") }
}

function readNode([id, fields]: readonly [string, readonly string[]], claimFrom: string): LedgerNode {
  const [deadlineMs, dead, weight, capacity, draining, busy, invites = "", knows = ""] = fields
  return {
    id,
    deadlineMs: Number(deadlineMs),
    isDead: dead === "1",
    isBack: knows === claimFrom,
    weight: Number(weight),
    capacity: Number(capacity),
    isDraining: draining === "1",
    isBusy: busy === "1",
    invites: invites === "" ? [] : invites.split(",").map(readInvite),
  }
}

function readInvite(text: string): Invite {
  const [shard, token] = text.split(":")
  return { shard: Number(shard), token: Number(token) }
}

function readLease([shard, fields]: readonly [string, readonly string[]]): readonly [number, Lease] {
  const [token, changedMs, mark, ...owner] = fields
  const name = owner.join("|")
  const lease = { owner: name === "" ? null : name, token: Number(token), changedMs: Number(changedMs) }
  return [Number(shard), { ...lease, isPinned: mark === "1", isEnded: mark === "2" }]
}
