// Takes over what a dead member of the group left unacknowledged, and refuses for good what nobody manages to handle.

import type { Logger } from "../../ops/log.ts"
import type { Client } from "./clients.ts"
import { type Entry, readEntries, text } from "./entries.ts"
import type { Membership } from "./group.ts"

/** Entries taken over with one command. */
const CHUNK = 100
/** A pass ends after so many commands for a stream; the next goes on from the start. */
const MAX_COMMANDS = 50

export interface ClaimOptions {
  readonly client: Client
  readonly membership: Membership
  /** Entries that have been pending for so long belong to nobody any more. */
  readonly claimAfterMs: number
  /** An entry that was delivered so often is refused instead of delivered again. */
  readonly maxDeliveries: number
  readonly log: Logger
  readonly onPoison: (stream: string) => void
}

/**
 * Takes over what has been pending for too long in a stream.
 * @param isHeld entries that this member is still at work on
 * @returns what is to be delivered again, oldest first
 */
export async function claim(
  stream: string,
  isHeld: (id: string) => boolean,
  options: ClaimOptions,
): Promise<readonly Entry[]> {
  const { client, membership, claimAfterMs } = options
  const { group, name } = membership
  const claimed: Entry[] = []
  let cursor = "0-0"
  for (let commands = 0; commands < MAX_COMMANDS; commands += 1) {
    const words = [stream, group, name, String(claimAfterMs), cursor, "COUNT", String(CHUNK)]
    const reply = await client.callBuffer("XAUTOCLAIM", words)
    const [next, entries] = Array.isArray(reply) ? reply : []
    const taken = readEntries(entries, true).filter(({ id }) => !isHeld(id))
    if (taken.length > 0) claimed.push(...(await withoutPoison(stream, taken, options)))
    cursor = text(next)
    if (cursor === "0-0" || !Array.isArray(reply)) break
  }
  return claimed
}

/** Acknowledges those that were delivered too often. */
async function withoutPoison(
  stream: string,
  entries: readonly Entry[],
  { client, membership, maxDeliveries, log, onPoison }: ClaimOptions,
): Promise<readonly Entry[]> {
  const { group, name } = membership
  const first = entries[0]?.id ?? "-"
  const last = entries.at(-1)?.id ?? "+"
  // Everything of ours between the two, which may be more than was taken over just now.
  const pending = await client.call("XPENDING", [stream, group, first, last, "10000", name])
  const deliveries = new Map<string, number>()
  for (const one of Array.isArray(pending) ? pending : []) {
    if (Array.isArray(one)) deliveries.set(text(one[0]), Number(one[3]))
  }
  const poison = entries.filter(({ id }) => (deliveries.get(id) ?? 0) > maxDeliveries)
  if (poison.length === 0) return entries
  await client.call("XACK", [stream, group, ...poison.map(({ id }) => id)])
  for (const { id } of poison) {
    onPoison(stream)
    log.error(
      { event: stream, id, deliveries: deliveries.get(id) },
      `A message was delivered ${maxDeliveries} times and never acknowledged: it is refused for good`,
    )
  }
  return entries.filter((entry) => !poison.includes(entry))
}
