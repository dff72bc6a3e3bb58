// The ledger in Redis: one script, on one server's clock. Ends connections by their name: every connection that publishes
// carries its node's (see write-fence.ts in brokers/redis).

import type { Cluster, Redis } from "ioredis"
import type { Client } from "../../brokers/redis/clients.ts"
import type { Clock } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import { OperatorError } from "../../ops/operator-error.ts"
import type { Answer, Beat, Book, Lease, Ledger, LedgerNode } from "./ledger.ts"
import { EXCHANGE_SCRIPT } from "./redis-script.ts"

/** How a server says that a command is not for this user, or was taken away. */
const REFUSALS = /^(NOPERM|ERR unknown (sub)?command)/i
const NO_ADDRESS = "0.0.0.0:0"
const ASK_WITHIN_MS = 5_000
const REPLICATE_WITHIN_MS = 500

export interface RedisLedgerOptions {
  readonly commands: Client
  /** A connection that only listens. */
  readonly subscriber: Client
  /** What the keys begin with: the same for every gateway of a bot, another for each bot. */
  readonly prefix: string
  readonly node: string
  /** Replicas that must have what a beat changed before its answer counts. Not asked for in a cluster. */
  readonly replicas?: number
  /** How long they may take. */
  readonly replicateWithinMs?: number
}

/** Redis answered what our script does not: something else is kept under our keys. */
export class LedgerAnswerError extends Error {
  override readonly name = "LedgerAnswerError"
}

/** What the connections of a node are called on the server. */
export function connectionName(prefix: string, node: string): string {
  return `spectacles:${encodeURIComponent(prefix)}:${encodeURIComponent(node)}`
}

export function ledgerKeys(prefix: string) {
  const tag = `{${prefix}}:fleet`
  return {
    about: tag,
    nodes: `${tag}:nodes`,
    leases: `${tag}:leases`,
    changes: `${tag}:changes`,
    channel: `${tag}:changed`,
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
      const { commands, prefix } = this.#options
      const { about, nodes, leases, changes, channel } = ledgerKeys(prefix)
      const text = JSON.stringify(beat)
      const known = this.#known.version
      const reply = await commands.eval(EXCHANGE_SCRIPT, 4, about, nodes, leases, changes, text, channel, known)
      await this.#expectReplicas()
      return this.#read(reply)
    } finally {
      this.#isBusy = false
    }
  }

  async shardCount(): Promise<number | null> {
    const { commands, prefix } = this.#options
    const { about, nodes } = ledgerKeys(prefix)
    const [count, members] = await Promise.all([commands.hget(about, "count"), commands.hlen(nodes)])
    return count === null || members === 0 ? null : Number(count)
  }

  onChange(listener: () => void): void {
    const { subscriber, prefix, node } = this.#options
    const { channel } = ledgerKeys(prefix)
    subscriber.on("message", (where: string, by: string) => {
      if (where === channel && by !== node) listener()
    })
    // Without the message the next beat tells as much, a little later.
    subscriber.subscribe(channel).catch(() => {})
  }

  async fence(node: string): Promise<void> {
    const { commands, prefix } = this.#options
    const name = connectionName(prefix, node)
    await Promise.all(mastersOf(commands).map((master) => endConnections(master, name)))
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
    const [type, nowMs, claimFromMs, shardCount, version, nodes, isPart, leases]: readonly unknown[] = Array.isArray(
      reply,
    )
      ? reply
      : []
    if (type !== "member" && type !== "fenced" && type !== "other-count") {
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
      shardCount: Number(shardCount),
      nodes: pairs(nodes).map(readNode),
      leases: this.#known.leases,
    }
    return { type, book }
  }
}

/**
 * Whether Redis lets us end connections: found out at the start, and not when the first process dies.
 * @throws OperatorError when it does not. Where it does not answer at all, that is for later.
 */
export async function expectMayFence(commands: Client, clock: Clock): Promise<void> {
  const ask = async (...words: readonly [string, ...string[]]) => {
    try {
      await commands.call("CLIENT", [...words])
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (!REFUSALS.test(reason)) return
      throw new OperatorError(
        `Cannot share shards through Redis: it answers CLIENT ${words[0]} with "${reason}"; let the user run CLIENT SETNAME, LIST and KILL, by which a dead process is kept from writing.`,
      )
    }
  }
  const asked = Promise.all([ask("LIST", "TYPE", "PUBSUB"), ask("KILL", "ADDR", NO_ADDRESS)])
  if (!(await settlesWithin(clock, ASK_WITHIN_MS, asked))) asked.catch(() => {})
}

function mastersOf(client: Client): readonly Redis[] {
  return isCluster(client) ? client.nodes("master") : [client]
}

function isCluster(client: Client): client is Cluster {
  return client.isCluster
}

/** A node that asks whether it may write has given its connection the name before: none comes later. */
async function endConnections(master: Redis, name: string): Promise<void> {
  const list = String(await master.client("LIST", "TYPE", "NORMAL"))
  for (const line of list.split("\n")) {
    const fields = line.split(" ")
    const id = fields.find((field) => field.startsWith("id="))?.slice(3)
    if (id === undefined || !fields.includes(`name=${name}`)) continue
    await master.client("KILL", "ID", id)
  }
}

function pairs(flat: unknown): readonly (readonly [string, readonly string[]])[] {
  if (!Array.isArray(flat)) throw new LedgerAnswerError("Redis answered no list where the fleet's ledger was due")
  const found: (readonly [string, readonly string[]])[] = []
  for (let at = 0; at + 1 < flat.length; at += 2) found.push([String(flat[at]), String(flat[at + 1]).split("|")])
  return found
}

function readNode([id, fields]: readonly [string, readonly string[]]): LedgerNode {
  const [deadlineMs, dead, weight, capacity, draining, unsettled] = fields
  return {
    id,
    deadlineMs: Number(deadlineMs),
    isDead: dead === "1",
    weight: Number(weight),
    capacity: Number(capacity),
    isDraining: draining === "1",
    unsettled: Number(unsettled),
  }
}

function readLease([shard, fields]: readonly [string, readonly string[]]): readonly [number, Lease] {
  const [token, changedMs, pinned, ...owner] = fields
  const name = owner.join("|")
  return [
    Number(shard),
    { owner: name === "" ? null : name, token: Number(token), changedMs: Number(changedMs), isPinned: pinned === "1" },
  ]
}
