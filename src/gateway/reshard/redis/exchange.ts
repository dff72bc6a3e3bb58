// The exchange between the sides of pairs through Redis: what is stored in hashes, and one channel that all gateways hear.

import type { Client } from "../../../brokers/redis/clients.ts"
import { otherSide, type Pair, publisherOf, type Side } from "../change.ts"
import type { ChangesByOther, ExchangeListener, PairExchange } from "../exchange.ts"
import { sharersOf } from "../pairs.ts"
import { OFFER_SCRIPT, READ_SCRIPT, RESTORE_SCRIPT, SETTLE_SCRIPT, WITHDRAW_SCRIPT } from "./exchange-scripts.ts"
import { type News, parseChanges, parseNews, toJson } from "./exchange-wire.ts"
import { reshardKeys } from "./keys.ts"

const REPLICATE_WITHIN_MS = 500

/** Fewer replicas have a change than must, or Redis answered what no script of ours does. */
export class PairExchangeError extends Error {
  override readonly name = "PairExchangeError"
}

export interface RedisExchangeOptions {
  readonly commands: Client
  /** A connection that only listens. */
  readonly subscriber: Client
  /** What the bot's keys begin with. */
  readonly prefix: string
  /** Of this reshard: what another one has stored is none of ours. */
  readonly reshardId: string
  /** Shards of the old set, and of the new one. */
  readonly from: number
  readonly to: number
  /** Only who holds a shard's lease begins with it. Absent: not asked for. */
  readonly leases?: {
    /** The hash of the ledger, on the same server. */
    readonly key: string
    readonly node: string
    readonly slotOf: (side: Side, shard: number) => number
  }
  /** Replicas that must have a change before it counts. Not asked for in a cluster. */
  readonly replicas?: number
}

/** @returns the exchange, and what ends its listening */
export function redisExchange(options: RedisExchangeOptions): PairExchange & { readonly close: () => void } {
  const { commands, subscriber, prefix, reshardId, from, to: count, replicas = 0, leases } = options
  const { record, changes, attempts, over, news: channel } = reshardKeys(prefix)
  const run = (script: string, ...words: readonly string[]): Promise<unknown> =>
    commands.eval(script, 4, record, changes, attempts, over, reshardId, ...words)
  const tell = async (news: News) => void (await commands.publish(channel, envelope(reshardId, news)))
  /** Which beginning of a shard is this process's. */
  const begun = new Map<string, number>()
  const ownership = (side: Side, shard: number) =>
    [ownerOf(side, shard), String(begun.get(ownerOf(side, shard)) ?? 0)] as const
  const read = async (side: Side, shard: number, begins: boolean): Promise<ChangesByOther> => {
    const others = side === "old" ? sharersOf(shard, from, count) : sharersOf(shard, count, from)
    const pairs = others.map((other) =>
      nameOf(side === "old" ? { old: shard, new: other } : { old: other, new: shard }),
    )
    const held = begins && leases !== undefined ? [String(leases.slotOf(side, shard)), leases.node] : ["", ""]
    const words = [reshardId, begins ? ownerOf(side, shard) : "", ...held, ...pairs]
    const keys = [record, changes, attempts, over, leases?.key ?? record]
    const answer: unknown = await commands.eval(READ_SCRIPT, keys.length, ...keys, ...words)
    if (answer === "not-held")
      throw new PairExchangeError(`Cannot begin with ${side} shard ${shard}: its lease is another process's by now.`)
    if (!Array.isArray(answer))
      throw new PairExchangeError(`Redis answered ${JSON.stringify(answer)} for ${pairs.length} pairs`)
    const [beginning, ...lists]: readonly unknown[] = answer
    if (begins) begun.set(ownerOf(side, shard), Number(beginning))
    return new Map(others.map((other, index) => [other, parseChanges(String(lists[index]))]))
  }
  const listeners: ((where: string, text: string) => void)[] = []
  return {
    listen(listener) {
      const onMessage = (where: string, text: string) => {
        const news = where === channel ? newsIn(reshardId, text) : null
        if (news !== null) pass(news, listener)
      }
      listeners.push(onMessage)
      subscriber.on("message", onMessage)
      // Without the messages it goes on, more slowly.
      subscriber.subscribe(channel).catch(() => {})
    },
    close() {
      for (const listener of listeners.splice(0)) subscriber.off("message", listener)
    },
    begin: (side, shard) => read(side, shard, true),
    read: (side, shard) => read(side, shard, false),
    ask: (pair, to, attempt) => tell({ type: "asked", pair, to, attempt }),
    async offer(pair, to, offer) {
      const news = envelope(reshardId, { type: "offered", pair, to, offer })
      const giver = ownership(otherSide(to), pair[otherSide(to)])
      return (await run(OFFER_SCRIPT, nameOf(pair), to, offer.attempt, channel, news, ...giver)) === 1
    },
    decline: (pair, attempt) => tell({ type: "declined", pair, attempt }),
    async settle(pair, change) {
      const news = envelope(reshardId, { type: "settled", pair, change })
      const { attempt, to } = change
      const words = [nameOf(pair), to, attempt, channel, news, ...ownership(to, pair[to]), toJson(change)]
      const isStored = (await run(SETTLE_SCRIPT, ...words)) === 1
      if (isStored) await expectReplicas(commands, replicas)
      return isStored
    },
    async restore(pair, known) {
      await run(RESTORE_SCRIPT, nameOf(pair), publisherOf(known), toJson(known))
    },
    async withdraw(pair, attempt) {
      const list = String(await run(WITHDRAW_SCRIPT, nameOf(pair), attempt))
      const change = list === "" ? undefined : parseChanges(list).find((one) => one.attempt === attempt)
      return change === undefined ? { type: "withdrawn" } : { type: "over", change }
    },
  }
}

/** What a failed master had and no replica would be forgotten: then it is stored again. */
async function expectReplicas(commands: Client, replicas: number): Promise<void> {
  if (replicas === 0 || commands.isCluster) return
  const count = Number(await commands.call("WAIT", [String(replicas), String(REPLICATE_WITHIN_MS)]))
  if (count < replicas)
    throw new PairExchangeError(`${count} replicas have the change, and redis.replicas is ${replicas}`)
}

function pass(news: News, listener: ExchangeListener): void {
  switch (news.type) {
    case "asked":
      return listener.asked(news.pair, news.to, news.attempt)
    case "offered":
      return listener.offered(news.pair, news.to, news.offer)
    case "declined":
      return listener.declined(news.pair, news.attempt)
    case "settled":
      return listener.settled(news.pair, news.change)
  }
}

/** The reshard's id, a space, the news. */
function envelope(reshardId: string, news: News): string {
  return `${reshardId} ${toJson(news)}`
}

function newsIn(reshardId: string, text: string): News | null {
  return text.startsWith(`${reshardId} `) ? parseNews(text.slice(reshardId.length + 1)) : null
}

/** A field beside those of the pairs. */
function ownerOf(side: Side, shard: number): string {
  return `${side} ${shard}`
}

function nameOf(pair: Pair): string {
  return `${pair.old}:${pair.new}`
}
