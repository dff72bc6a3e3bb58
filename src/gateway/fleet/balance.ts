// Who should have which shard: by weight, within each node's capacity, with the fewest moves. Pure, and the same for every
// node that looks at the same book, so that nobody has to lead.

import { slotsOf } from "../shard-set.ts"
import type { Book, LedgerNode } from "./ledger.ts"

export interface Move {
  readonly shard: number
  readonly from: string
  readonly to: string
}

export interface Plan {
  /** Free shards by the node that should take them. */
  readonly claims: ReadonlyMap<string, readonly number[]>
  /** Shards that should change hands while their owner lives. Its `to` is null where nobody has room. */
  readonly moves: readonly Move[]
  /** Free shards for which no node has room. */
  readonly homeless: readonly number[]
}

interface Share {
  readonly node: LedgerNode
  /** Ascending. */
  readonly held: number[]
  /** What it takes at most while another one has room. */
  limit: number
  quota: number
}

/** Shards whose owner is dead are left alone: they are free once it is fenced. */
export function planShares({ set, other, nodes, leases }: Book): Plan {
  const shares = new Map<string, Share>()
  for (const node of sortedLiving(nodes)) shares.set(node.id, { node, held: [], limit: 0, quota: 0 })
  const free: number[] = []
  const slots = other === null ? slotsOf(set) : [...slotsOf(set), ...slotsOf(other)]
  const all = other === null ? slots : slots.filter((slot) => leases.get(slot)?.isEnded !== true)
  for (const shard of all) {
    const owner = leases.get(shard)?.owner ?? null
    if (owner === null) free.push(shard)
    else shares.get(owner)?.held.push(shard)
  }
  setQuotas([...shares.values()], all.length)
  const claims = new Map<string, number[]>()
  const homeless: number[] = []
  const room = new Room(shares.values())
  for (const shard of free) {
    const id = room.take()
    if (id === null) homeless.push(shard)
    else if (claims.get(id)?.push(shard) === undefined) claims.set(id, [shard])
  }
  const moves: Move[] = []
  for (const { node, held, quota } of shares.values()) {
    for (const shard of surplus(held, quota, leases)) {
      const to = room.take()
      if (to !== null) moves.push({ shard, from: node.id, to })
    }
  }
  return { claims, moves, homeless }
}

function sortedLiving(nodes: readonly LedgerNode[]): readonly LedgerNode[] {
  return nodes.filter(({ isDead }) => !isDead).sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The highest ids first: they were started last. Those that an operator put there stay as long as others can go. */
function surplus(held: readonly number[], quota: number, leases: Book["leases"]): readonly number[] {
  // As it is at rest, for every node and answer.
  if (held.length <= quota) return []
  const pinned = (shard: number) => (leases.get(shard)?.isPinned === true ? 1 : 0)
  const order = [...held].sort((a, b) => pinned(a) - pinned(b) || b - a)
  return order.slice(0, held.length - quota)
}

interface Place {
  readonly id: string
  left: number
}

/** The places that nodes have below their quotas, the emptiest node first. */
class Room {
  readonly #places: readonly Place[]

  constructor(shares: Iterable<Share>) {
    this.#places = [...shares].map(({ node, held, quota }) => ({ id: node.id, left: quota - held.length }))
  }

  take(): string | null {
    let widest: Place | null = null
    for (const place of this.#places) if (place.left > (widest?.left ?? 0)) widest = place
    if (widest === null) return null
    widest.left -= 1
    return widest.id
  }
}

/**
 * Whole numbers by weight that add up to `total`, as far as capacities allow. What is left of rounding goes to whoever has
 * the shards already, so that a balanced fleet stays as it is.
 */
function setQuotas(shares: readonly Share[], total: number): void {
  const open = shares.filter(({ node }) => !node.isDraining && node.capacity > 0 && node.weight > 0)
  for (const share of open) {
    const { node, held } = share
    share.limit = node.isBusy ? Math.min(node.capacity, held.length) : node.capacity
  }
  const room = open.reduce((sum, { limit }) => sum + limit, 0)
  if (room < total) raiseLimits(open, total - room)
  const exact = exactShares(open, total)
  let left = total
  for (const share of open) {
    share.quota = Math.min(share.limit, Math.floor(exact.get(share) ?? 0))
    left -= share.quota
  }
  const wants = (share: Share) => {
    const rest = (exact.get(share) ?? 0) - share.quota
    return { has: rest > 0 && share.held.length > share.quota ? 1 : 0, rest }
  }
  const inLine = open
    .filter(({ limit, quota }) => quota < limit)
    .sort((a, b) => wants(b).has - wants(a).has || wants(b).rest - wants(a).rest)
  for (const share of inLine) {
    if (left <= 0) return
    share.quota += 1
    left -= 1
  }
}

/** A shard that runs on a busy node is better off than one that runs nowhere: the least burdened by weight take what is left. */
function raiseLimits(open: readonly Share[], missing: number): void {
  const burden = ({ limit, node }: Share) => limit / node.weight
  for (let left = missing; left > 0; left -= 1) {
    const able = open.filter(({ limit, node }) => limit < node.capacity)
    const [first, ...rest] = able
    if (first === undefined) return
    const least = rest.reduce((best, share) => (burden(share) < burden(best) ? share : best), first)
    least.limit += 1
  }
}

/** Shares by weight; whoever is full leaves the rest of its share to the others. */
function exactShares(open: readonly Share[], total: number): ReadonlyMap<Share, number> {
  const exact = new Map<Share, number>()
  let sharing = [...open]
  let left = total
  while (sharing.length > 0) {
    const weight = sharing.reduce((sum, { node }) => sum + node.weight, 0)
    const part = ({ node }: Share) => (left * node.weight) / weight
    const full = sharing.filter((share) => part(share) >= share.limit)
    if (full.length === 0) {
      for (const share of sharing) exact.set(share, part(share))
      return exact
    }
    for (const share of full) {
      exact.set(share, share.limit)
      left -= share.limit
    }
    sharing = sharing.filter((share) => !full.includes(share))
  }
  return exact
}
