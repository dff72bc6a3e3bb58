// Sessions in Redis that only the holder of a shard's lease can replace: what a process writes that has lost the shard is
// refused, however late it comes. One key a slot (shard-set.ts), readable by whoever looks for it at night.

import type { Client } from "../../brokers/redis/clients.ts"
import { Script } from "../../brokers/redis/script.ts"
import type { SessionStore } from "../sessions/session.ts"
import { parseSession } from "../sessions/stored-session.ts"
import type { ShardPlace } from "../shard-set.ts"
import { ledgerKeys } from "./redis-ledger.ts"

/** KEYS[1] the leases, KEYS[2] the session; ARGV[1] the slot, [2] the token, [3] the owner, [4] the session or "". */
const WRITE = new Script(`
local lease = redis.call('HGET', KEYS[1], ARGV[1])
local token, owner = string.match(lease or '', '^(%d+)|%d+|%d|(.*)$')
if token ~= ARGV[2] or owner ~= ARGV[3] then return 0 end
if ARGV[4] == '' then redis.call('DEL', KEYS[2]) else redis.call('SET', KEYS[2], ARGV[4]) end
return 1
`)

/** The lease is another's, or the ledger does not know it any more. */
export class SessionFencedError extends Error {
  override readonly name = "SessionFencedError"
}

export interface FencedSessionsOptions {
  readonly commands: Client
  /** What keys begin with. */
  readonly prefix: string
  readonly node: string
  readonly onUnreadable: (key: string, reason: string) => void
}

/** A shard's session, under one lease. */
export type SessionsUnderLease = (shard: ShardPlace, token: number) => SessionStore

export function fencedSessions({ commands, prefix, node, onUnreadable }: FencedSessionsOptions): SessionsUnderLease {
  const { leases } = ledgerKeys(prefix)
  return ({ slot, shard }, token) => {
    // A cluster runs a script on keys of one slot only, which is the leases'. Without one the key is that of gateways
    // whose shards are fixed, so that a bot can change over and resume.
    const plainKey = `${prefix}:${slot}`
    const key = commands.isCluster ? `{${prefix}}:${slot}` : plainKey
    const write = async (value: string) => {
      const args = [String(slot), String(token), node, value]
      if ((await WRITE.run(commands, [leases, key], args)) === 1) return
      throw new SessionFencedError(`Cannot store the session of shard ${shard}: its lease is another process's by now.`)
    }
    return {
      async load() {
        const text = (await commands.get(key)) ?? (commands.isCluster ? await commands.get(plainKey) : null)
        if (text === null) return null
        const session = parseSession(text)
        if (session?.shard === shard) return session
        onUnreadable(key, session === null ? "it holds no session" : `it is shard ${session.shard}'s`)
        return null
      },
      async save(sessions) {
        for (const session of sessions) await write(JSON.stringify(session))
      },
      async drop() {
        if (commands.isCluster) await commands.del(plainKey)
        await write("")
      },
      close: async () => {},
    }
  }
}
