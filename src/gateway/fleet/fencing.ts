// How a dead process is kept from writing to Redis: its connections are ended by their name, or, where the server does not
// let this user end any, the permits by which they write are taken away (write-fence.ts in brokers/redis). Which of the two,
// all processes of a bot agree on: whoever may end no connection could not fence one that needs no permit.

import type { Cluster, Redis } from "ioredis"
import type { RedisPlace } from "../../brokers/redis/address.ts"
import type { Client } from "../../brokers/redis/clients.ts"
import { REACH_WITHIN_MS, unreachable } from "../../brokers/redis/mode.ts"
import type { WriterMark } from "../../brokers/redis/write-fence.ts"
import { type Clock, sleep } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import { OperatorError } from "../../ops/operator-error.ts"

/** How a server says that a command is not for this user, or was taken away. */
const REFUSALS = /^(NOPERM|ERR unknown (sub)?command)/i
const NO_ADDRESS = "0.0.0.0:0"
const ASK_AGAIN_MS = 200
/** Keys: a server is not kept from others for longer than that takes. */
const SCANNED_AT_ONCE = 1_000
const NEVER = new AbortController().signal
const ADVICE = "let the user run CLIENT SETNAME, LIST and KILL, by which a dead process is kept from writing"

export type Fencing = WriterMark["type"]

/** What the connections of a node are called on the server. */
export function connectionName(prefix: string, node: string): string {
  return `spectacles:${encodeURIComponent(prefix)}:${encodeURIComponent(node)}`
}

/** The set of a node's connections that may write. */
export function permitKey(prefix: string, node: string): string {
  return `${permitKeys(prefix)}${node}`
}

function permitKeys(prefix: string): string {
  return `{${prefix}}:fleet:writers:`
}

export function writerMark(fencing: Fencing, prefix: string, node: string): WriterMark {
  if (fencing === "name") return { type: "name", name: connectionName(prefix, node) }
  return { type: "permit", key: permitKey(prefix, node) }
}

/** By any means: the permits are gone also where nobody needs one. */
export async function endWrites(commands: Client, fencing: Fencing, prefix: string, node: string): Promise<void> {
  await commands.del(permitKey(prefix, node))
  if (fencing === "permit") return
  const name = connectionName(prefix, node)
  await endConnections(commands, (other) => other === name)
}

/**
 * Those of all nodes of the bot but these. What they are is looked up on the servers themselves: no list that is kept could be
 * lost.
 * @returns how many connections, or nodes with a permit
 */
export async function endStrayWrites(
  commands: Client,
  fencing: Fencing,
  prefix: string,
  spared: readonly string[],
): Promise<number> {
  if (fencing === "permit") return await endStrayPermits(commands, prefix, spared)
  const names = new Set(spared.map((node) => connectionName(prefix, node)))
  const ofBot = connectionName(prefix, "")
  return await endConnections(commands, (name) => name.startsWith(ofBot) && !names.has(name))
}

/** Permits are on one server alone. */
async function endStrayPermits(commands: Client, prefix: string, spared: readonly string[]): Promise<number> {
  const keys = new Set(spared.map((node) => permitKey(prefix, node)))
  // Asterisks and brackets are signs in a pattern.
  const pattern = `${permitKeys(prefix).replaceAll(/[\\*?[\]]/g, "\\$&")}*`
  let ended = 0
  let cursor = "0"
  do {
    const [next, found] = await commands.scan(cursor, "MATCH", pattern, "COUNT", SCANNED_AT_ONCE)
    for (const key of found) if (!keys.has(key)) ended += await commands.del(key)
    cursor = next
  } while (cursor !== "0")
  return ended
}

export interface AskOptions {
  readonly commands: Client
  readonly place: RedisPlace
  readonly clock: Clock
}

/**
 * What the server answers to CLIENT LIST or KILL where it refuses them; null where it does not.
 * @throws OperatorError where it does not answer.
 */
export function whyNoneMayBeEnded(options: AskOptions): Promise<string | null> {
  return refusalOf(options, [
    ["CLIENT", "LIST", "TYPE", "PUBSUB"],
    ["CLIENT", "KILL", "ADDR", NO_ADDRESS],
  ])
}

/** What the server says to the first of these commands that this user may not run. */
async function refusalOf(
  { commands, place, clock }: AskOptions,
  all: readonly (readonly [string, ...string[]])[],
): Promise<string | null> {
  let refusal: string | null = null
  const ask = async (name: string, words: readonly string[]) => {
    try {
      await commands.call(name, [...words])
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const shown = name === "CLIENT" ? `CLIENT ${words[0]}` : name
      if (REFUSALS.test(reason)) refusal ??= `it answers ${shown} with "${reason}"`
    }
  }
  const asked = Promise.all(all.map(([name, ...words]) => ask(name, words)))
  if (!(await settlesWithin(clock, REACH_WITHIN_MS, asked))) throw unreachable(place, "it does not answer")
  return refusal
}

export interface ChooseFencingOptions extends AskOptions {
  readonly prefix: string
  readonly node: string
  /** Two of the ledger's keys (ledgerKeys in redis-ledger.ts). */
  readonly keys: { readonly about: string; readonly nodes: string }
  /** Events go to that Redis too. */
  readonly isPublishing: boolean
}

/** KEYS[1] about, KEYS[2] nodes; ARGV[1] what this process would choose. Answers with what the first one of all chose. */
const AGREE_SCRIPT = `
local agreed = redis.call('HGET', KEYS[1], 'fencing')
if agreed and redis.call('HLEN', KEYS[2]) > 0 then return agreed end
redis.call('HSET', KEYS[1], 'fencing', ARGV[1])
return ARGV[1]
`

/**
 * Found out at the start, and not when the first process dies.
 * @throws OperatorError where Redis does not answer, no fence is possible, or this user could not carry out the others'.
 */
export async function chooseFencing(options: ChooseFencingOptions): Promise<Fencing> {
  const { commands, isPublishing } = options
  const refusal = await whyNoneMayBeEnded(options)
  if (refusal !== null && commands.isCluster && isPublishing) throw new OperatorError(noFenceInCluster(refusal))
  const agreed = await agreedFencing(options, refusal === null ? "name" : "permit")
  if (refusal !== null && agreed === "name") {
    throw new OperatorError(
      `Cannot share shards through Redis: ${refusal}, and the bot's other gateways rely on it; ${ADVICE}, or stop all of them before this one starts.`,
    )
  }
  if (agreed === "permit" && isPublishing) await expectPermits(options)
  return agreed
}

async function agreedFencing({ commands, keys, place, clock }: ChooseFencingOptions, own: Fencing): Promise<Fencing> {
  const untilMs = clock.nowMs() + REACH_WITHIN_MS
  let reason = "it does not answer"
  while (clock.nowMs() < untilMs) {
    const agreeing = commands.eval(AGREE_SCRIPT, 2, keys.about, keys.nodes, own)
    try {
      if (await settlesWithin(clock, untilMs - clock.nowMs(), agreeing)) {
        return (await agreeing) === "permit" ? "permit" : "name"
      }
      agreeing.catch(() => {})
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error)
      if (REFUSALS.test(reason)) throw new OperatorError(noScripts(reason))
      // It loads its data, or is out of memory.
      await sleep(clock, ASK_AGAIN_MS, NEVER)
    }
  }
  throw unreachable(place, reason)
}

async function expectPermits(options: ChooseFencingOptions): Promise<void> {
  const key = permitKey(options.prefix, options.node)
  const member = "probe"
  const refusal = await refusalOf(options, [
    ["SADD", key, member],
    ["SISMEMBER", key, member],
    ["SREM", key, member],
    ["WATCH", key],
    ["UNWATCH"],
    ["SCAN", "0", "COUNT", "1"],
  ])
  if (refusal === null) return
  throw new OperatorError(
    `Cannot share shards through Redis: ${refusal}; let the user run SCAN, and SADD, SREM, SISMEMBER, WATCH and UNWATCH on ${key}, by which a dead process is kept from writing.`,
  )
}

function noScripts(reason: string): string {
  return `Cannot share shards through Redis: it answers EVAL with "${reason}"; let the user run the commands that docs/scaling.md lists.`
}

export function noFenceInCluster(refusal: string): string {
  return `Cannot share shards through a Redis cluster: ${refusal}; ${ADVICE}. Without these it takes a single server, or one behind sentinels.`
}

async function mastersOf(client: Client): Promise<readonly Redis[]> {
  if (!isCluster(client)) return [client]
  // This client talks to the leases' server alone: it would not notice that there is a new one, to which others publish.
  await new Promise<void>((resolve, reject) => {
    client.refreshSlotsCache((error) => (error ? reject(error) : resolve()))
  })
  return client.nodes("master")
}

function isCluster(client: Client): client is Cluster {
  return client.isCluster
}

/** A node that asks whether it may write has given its connection the name before: none comes later. */
async function endConnections(commands: Client, isMeant: (name: string) => boolean): Promise<number> {
  const masters = await mastersOf(commands)
  const counts = await Promise.all(masters.map((master) => endConnectionsOf(master, isMeant)))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function endConnectionsOf(master: Redis, isMeant: (name: string) => boolean): Promise<number> {
  const list = String(await master.client("LIST", "TYPE", "NORMAL"))
  // Where another bot has the same prefix, its keys are in another database.
  const database = String(master.options.db ?? 0)
  let ended = 0
  for (const line of list.split("\n")) {
    const fields = new Map(
      line.split(" ").map((field) => [field.slice(0, field.indexOf("=")), field.slice(field.indexOf("=") + 1)]),
    )
    const id = fields.get("id")
    if (id === undefined || fields.get("db") !== database || !isMeant(fields.get("name") ?? "")) continue
    ended += Number(await master.client("KILL", "ID", id))
  }
  return ended
}
