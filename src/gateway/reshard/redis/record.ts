// The record of a reshard in Redis.

import { z } from "zod"
import type { Client } from "../../../brokers/redis/clients.ts"
import { ledgerKeys } from "../../fleet/redis-ledger.ts"
import { sharersOf } from "../pairs.ts"
import type { Beginning, Reshard, ReshardHead, ReshardOrder, Reshards } from "../record.ts"
import { reshardKeys } from "./keys.ts"
import { ADVANCE_SCRIPT, BEGIN_SCRIPT, CLOSE_SET_SCRIPT, LEAD_SCRIPT, RESIGN_SCRIPT } from "./record-scripts.ts"

const REPLICATE_WITHIN_MS = 500
const BEGINNINGS: readonly Beginning[] = ["begun", "running", "other-count", "nobody"]

const RECORD = z.object({
  id: z.string().min(1),
  from: z.coerce.number().int().min(1),
  to: z.coerce.number().int().min(1),
  fromSlot: z.coerce.number().int().min(0),
  toSlot: z.coerce.number().int().min(0),
  phase: z.enum(["opening", "cutting", "closing", "done", "undoing", "undone"]),
  reason: z.string(),
})
const ORDER: z.ZodType<ReshardOrder> = z.object({ shard: z.int().min(0), to: z.enum(["old", "new"]) })

/** Redis answered what no script of ours answers, or fewer replicas have it than must. */
export class ReshardRecordError extends Error {
  override readonly name = "ReshardRecordError"
}

export interface RedisReshardsOptions {
  readonly commands: Client
  /** A connection that only listens. */
  readonly subscriber: Client
  /** What the bot's keys begin with. */
  readonly prefix: string
  /** Replicas that must have a step before it counts. Not asked for in a cluster. */
  readonly replicas?: number
}

export function redisReshards({ commands, subscriber, prefix, replicas = 0 }: RedisReshardsOptions): Reshards {
  const ledger = ledgerKeys(prefix)
  const own = reshardKeys(prefix)
  const { about, nodes, leases, changes } = ledger
  const keys = [about, nodes, leases, changes, own.record, own.changes, own.attempts, own.over, own.live]
  const run = async (script: string, ...words: readonly string[]): Promise<unknown> => {
    const answer = await commands.eval(script, keys.length, ...keys, ledger.channel, own.recordNews, ...words)
    if (replicas === 0 || commands.isCluster) return answer
    const count = Number(await commands.call("WAIT", [String(replicas), String(REPLICATE_WITHIN_MS)]))
    if (count >= replicas) return answer
    throw new ReshardRecordError(`${count} replicas have the step of the reshard, and redis.replicas is ${replicas}`)
  }
  const listen = (channel: string, listener: (text: string) => void) => {
    subscriber.on("message", (where: string, text: string) => {
      if (where === channel) listener(text)
    })
    // Without the messages it goes on, more slowly.
    subscriber.subscribe(channel).catch(() => {})
  }
  return {
    head: async () => readHead(await commands.hgetall(own.record)),
    async read() {
      const asked = [commands.hgetall(own.record), commands.smembers(own.over), commands.smembers(own.live)] as const
      return readReshard(...(await Promise.all(asked)))
    },
    async begin({ id, from, to, configured }) {
      const answer = await run(BEGIN_SCRIPT, id, String(from), String(to), String(configured))
      const beginning = BEGINNINGS.find((one) => one === answer)
      if (beginning !== undefined) return beginning
      throw new ReshardRecordError(`Redis answered ${JSON.stringify(answer)} where a reshard was to begin`)
    },
    async advance(id, from, to, reason) {
      await run(ADVANCE_SCRIPT, id, from, to, reason ?? "")
    },
    closeSet: async (id) => (await run(CLOSE_SET_SCRIPT, id)) === 1,
    async setLive(id, shard, isLive) {
      const member = `${id}:${shard}`
      await (isLive ? commands.sadd(own.live, member) : commands.srem(own.live, member))
      await commands.publish(own.recordNews, "")
    },
    lead: async (node, leaseMs) => (await commands.eval(LEAD_SCRIPT, 1, own.leader, node, String(leaseMs))) === 1,
    async resign(node) {
      await commands.eval(RESIGN_SCRIPT, 1, own.leader, node)
    },
    async order(order) {
      await commands.publish(own.orders, JSON.stringify(order))
    },
    onOrder(listener) {
      listen(own.orders, (text) => {
        const order = ORDER.safeParse(parsed(text))
        if (order.success) listener(order.data)
      })
    },
    onChange: (listener) => listen(own.recordNews, () => listener()),
  }
}

function readHead(fields: Readonly<Record<string, string>>): ReshardHead | null {
  if (Object.keys(fields).length === 0) return null
  const read = RECORD.safeParse(fields)
  if (!read.success) throw new ReshardRecordError(`Redis holds ${JSON.stringify(fields)} where a reshard was due`)
  const { reason, ...record } = read.data
  return { ...record, reason: reason === "" ? null : reason }
}

function readReshard(
  fields: Readonly<Record<string, string>>,
  over: readonly string[],
  live: readonly string[],
): Reshard | null {
  const head = readHead(fields)
  if (head === null) return null
  const { id } = head
  return {
    ...head,
    cut: cutShards(head, new Set(over)),
    live: live.filter((member) => member.startsWith(`${id}:`)).map((member) => Number(member.slice(id.length + 1))),
  }
}

/** New shards all of whose pairs are over, ascending; on the way back those that have any left. */
function cutShards({ from, to, phase }: ReshardHead, over: ReadonlySet<string>): readonly number[] {
  return Array.from({ length: to }, (_, shard) => shard).filter((shard) => {
    const isOver = (old: number) => over.has(`${old}:${shard}`)
    const sharers = sharersOf(shard, to, from)
    return phase === "undoing" ? sharers.some(isOver) : sharers.every(isOver)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
