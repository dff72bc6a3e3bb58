// The consumer group of a stream: made before it is read, and kept free of members that are long gone.

import { OperatorError } from "../../ops/operator-error.ts"
import type { Client } from "./clients.ts"
import { text } from "./entries.ts"

/** A member that holds nothing and has not asked for so long is gone: each start of a process adds one. */
const GONE_AFTER_MS = 60 * 60_000

export interface Membership {
  readonly group: string
  /** The name of this member. */
  readonly name: string
}

/**
 * Makes the group, from the oldest entry that is kept, unless it is there.
 * @throws OperatorError when the key holds something else, or the user may not.
 */
export async function joinGroup(client: Client, stream: string, { group, name }: Membership): Promise<void> {
  try {
    await client.call("XGROUP", ["CREATE", stream, group, "0", "MKSTREAM"])
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    if (!reason.startsWith("BUSYGROUP")) throw cannotConsume(stream, reason)
    await dismissMembers(client, stream, { group, name })
  }
}

/** Whether an error of Redis is one that no waiting mends. */
export function cannotConsume(stream: string, reason: string): Error {
  const [code = ""] = reason.split(" ")
  const advice =
    code === "WRONGTYPE"
      ? "another program keeps something else under that key: rename or delete it."
      : code === "NOPERM" || code === "NOAUTH"
        ? "let the user run XGROUP, XREADGROUP, XACK, XCLAIM, XAUTOCLAIM, XPENDING, XINFO and XTRIM on it."
        : null
  if (advice === null) return new Error(reason)
  return new OperatorError(`Cannot read the stream ${stream} of Redis, which answers "${reason}": ${advice}`)
}

async function dismissMembers(client: Client, stream: string, { group, name }: Membership): Promise<void> {
  const reply = await client.call("XINFO", ["CONSUMERS", stream, group])
  if (!Array.isArray(reply)) return
  for (const one of reply) {
    const member = fieldsOf(one)
    const isGone = Number(member.get("pending")) === 0 && Number(member.get("idle")) > GONE_AFTER_MS
    const other = member.get("name")
    if (!isGone || other === undefined || other === name) continue
    await client.call("XGROUP", ["DELCONSUMER", stream, group, other])
  }
}

function fieldsOf(reply: unknown): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  if (!Array.isArray(reply)) return fields
  for (let index = 0; index + 1 < reply.length; index += 2) fields.set(text(reply[index]), text(reply[index + 1]))
  return fields
}
