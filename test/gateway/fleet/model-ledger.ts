// The ledger as a plain value and a function: what the script in Redis must do, for the simulation and for tests without a
// server. The same contract suite runs over both.

import type { Answer, Beat, Book, Lease, Ledger, LedgerNode, OtherSet } from "../../../src/gateway/fleet/ledger.ts"
import { hasSlot, isSameSet, type ShardSet, slotsOf } from "../../../src/gateway/shard-set.ts"

const PLAIN = { isPinned: false, isEnded: false } as const
const NO_SHARDS: ShardSet = { firstSlot: 0, count: 0 }

/** What the ledger keeps under one key each, so that a Redis that evicts may lose one alone. */
export type LedgerPart = "about" | "nodes" | "leases" | "changes"

export class ModelLedger {
  /** The server is not the one that it was, or something is gone that it had. */
  #isOther = true
  #beatMs = 0
  #claimFromMs = 0
  #isSwept = false
  #deathFromMs = 0
  #set: ShardSet = NO_SHARDS
  #other: OtherSet | null = null
  #formerSet: ShardSet | null = null
  #configured: number | null = null
  readonly #nodes = new Map<string, LedgerNode>()
  readonly #leases = new Map<number, Lease>()
  /** Called after an exchange that changed something: for these nodes, or for all. */
  onChanged: (by: string, about: ReadonlySet<string> | null) => void = () => {}

  exchange(beat: Beat, nowMs: number): Answer {
    const { node, leaseMs } = beat
    const me = node.id
    this.#open(beat, nowMs)
    const about = new Set<string>()
    let isForAll = false
    const write = (shard: number, lease: Omit<Lease, "changedMs">, onlyFor: string | null = null) => {
      this.#leases.set(shard, { ...lease, changedMs: nowMs })
      if (onlyFor === null) isForAll = true
      else about.add(onlyFor)
    }
    const next = (lease: Lease | undefined) => (lease === undefined ? nowMs : Math.max(lease.token + 1, nowMs))
    const free = (id: string) => {
      for (const [shard, { owner, token }] of this.#leases) {
        if (owner === id) write(shard, { owner: null, token, ...PLAIN })
      }
    }
    const remove = (id: string) => {
      free(id)
      this.#nodes.delete(id)
      isForAll = true
    }
    for (const id of beat.fenced) if (this.#nodes.get(id)?.isDead === true) remove(id)
    if (!this.#isSwept && beat.swept === this.#claimFromMs) {
      this.#isSwept = true
      const owners = new Set([...this.#leases.values()].map(({ owner }) => owner))
      for (const owner of owners) if (owner !== null && !this.#nodes.has(owner)) free(owner)
      isForAll = true
    }
    let type: Answer["type"] = "member"
    const known = [this.#set, this.#other, this.#formerSet]
    if (!known.some((set) => set !== null && isSameSet(beat.set, set))) {
      if ([...this.#nodes.keys()].every((id) => id === me)) {
        this.#become(beat.set)
        this.#leases.clear()
        isForAll = true
      } else type = "other-count"
    }
    if (type === "member" && this.#nodes.get(me)?.isDead === true) type = "fenced"
    if (type === "member") {
      for (const { shard, token } of beat.held) {
        if (this.#has(shard) && (this.#leases.get(shard)?.token ?? 0) < token)
          write(shard, { owner: me, token, ...PLAIN })
      }
      for (const { shard, token, to, isPinned, isEnded } of beat.handOvers) {
        const lease = this.#leases.get(shard)
        if (lease?.owner !== me || lease.token !== token) continue
        const isThere = to === me || (to !== null && this.#nodes.get(to)?.isDead === false)
        if (isEnded) write(shard, { owner: null, token, isPinned: false, isEnded })
        else if (isThere) write(shard, { owner: to, token: next(lease), isPinned, isEnded: false }, to)
        else write(shard, { owner: null, token, ...PLAIN })
      }
      if (beat.isLeaving) {
        if (this.#nodes.has(me)) remove(me)
      } else {
        const before = this.#nodes.get(me)
        const isBack = beat.knows === this.#claimFromMs
        const after = { ...node, isDead: false, isBack, deadlineMs: nowMs + leaseMs }
        if (before === undefined || !isSame({ ...before, invites: node.invites }, after)) isForAll = true
        else if (!isSame(before, after)) {
          for (const { shard } of node.invites) about.add(this.#leases.get(shard)?.owner ?? me)
        }
        this.#nodes.set(me, after)
        for (const shard of nowMs >= this.#claimFromMs && this.#isSwept ? beat.claims : []) {
          const lease = this.#leases.get(shard)
          if (this.#has(shard) && (lease === undefined || (lease.owner === null && !lease.isEnded))) {
            write(shard, { owner: me, token: next(lease), ...PLAIN })
          }
        }
      }
    }
    for (const [id, other] of this.#nodes) {
      if (id === me || other.isDead || Math.max(other.deadlineMs, this.#deathFromMs) >= nowMs) continue
      this.#nodes.set(id, { ...other, isDead: true })
      isForAll = true
    }
    if (isForAll || about.size > 0) this.onChanged(me, isForAll ? null : about)
    return { type, book: this.book(nowMs) }
  }

  book(nowMs: number): Book {
    return {
      nowMs,
      set: this.#set,
      other: this.#other,
      claimFromMs: this.#claimFromMs,
      isSwept: this.#isSwept,
      nodes: [...this.#nodes.values()],
      leases: new Map(this.#leases),
    }
  }

  /** As a Redis that was restarted, or another one after a failover. @param lost how much of what it knew is gone */
  restart(lost: "nothing" | "all"): void {
    this.#isOther = true
    if (lost === "nothing") return
    this.#become(NO_SHARDS)
    this.#nodes.clear()
    this.#leases.clear()
  }

  /** As a Redis that has evicted a key. */
  evict(part: LedgerPart): void {
    this.#isOther = true
    if (part === "about") this.#become(NO_SHARDS)
    if (part === "nodes") this.#nodes.clear()
    if (part === "leases") this.#leases.clear()
  }

  /** What a replica has of it; and back to that, as a failover does. */
  copy(): () => void {
    const nodes = [...this.#nodes]
    const leases = [...this.#leases]
    const [set, other, formerSet] = [this.#set, this.#other, this.#formerSet]
    return () => {
      this.#set = set
      this.#other = other
      this.#formerSet = formerSet
      this.#isOther = true
      this.#nodes.clear()
      for (const [id, node] of nodes) this.#nodes.set(id, node)
      this.#leases.clear()
      for (const [shard, lease] of leases) this.#leases.set(shard, lease)
    }
  }

  /** Another set comes up beside the bot's. */
  beginReshard(nextSet: ShardSet): void {
    this.#other = { ...nextSet, isClosing: false }
    this.onChanged("", null)
  }

  /** One of the two sets closes; the other is the bot's. */
  closeSet(closing: "new" | "old", configured: number): void {
    if (this.#other === null || this.#other.isClosing) return
    const other = this.#other
    if (closing === "old") {
      this.#formerSet = this.#set
      this.#other = { ...this.#set, isClosing: true }
      this.#set = { firstSlot: other.firstSlot, count: other.count }
      this.#configured = configured
    } else this.#other = { ...other, isClosing: true }
    this.onChanged("", null)
  }

  /** Every shard of the set that closes. */
  get hasEnded(): boolean {
    if (this.#other?.isClosing !== true) return false
    return slotsOf(this.#other).every((slot) => this.#leases.get(slot)?.isEnded !== false)
  }

  /** It is closed. */
  endReshard(): void {
    for (const slot of this.#other === null ? [] : slotsOf(this.#other)) this.#leases.delete(slot)
    this.#other = null
    this.onChanged("", null)
  }

  get configured(): number | null {
    return this.#configured
  }

  #become(set: ShardSet): void {
    this.#set = set
    this.#other = null
    this.#formerSet = null
    this.#configured = null
  }

  #has(slot: number): boolean {
    return hasSlot(this.#set, slot) || (this.#other !== null && hasSlot(this.#other, slot))
  }

  #open({ leaseMs, set }: Beat, nowMs: number): void {
    if (this.#set.count === 0) this.#set = set
    if (this.#isOther) {
      this.#claimFromMs = nowMs + leaseMs
      this.#isSwept = false
      for (const [id, node] of this.#nodes) this.#nodes.set(id, { ...node, isBack: false })
    }
    if (this.#isOther || nowMs - this.#beatMs > leaseMs / 2) this.#deathFromMs = nowMs + leaseMs / 4
    this.#isOther = false
    this.#beatMs = nowMs
  }
}

/** But for the deadline. */
function isSame(a: LedgerNode, b: LedgerNode): boolean {
  const shown = ({ weight, capacity, isDraining, isBusy, invites, isDead }: LedgerNode) =>
    [weight, capacity, isDraining, isBusy, JSON.stringify(invites), isDead].join("|")
  return shown(a) === shown(b)
}

/** The port over a model, at once. */
export function modelLedger(model: ModelLedger, wallMs: () => number): Ledger {
  return {
    exchange: async (beat) => model.exchange(beat, wallMs()),
    async shards() {
      const { nodes, set } = model.book(wallMs())
      const capacity = nodes
        .filter(({ isDead, isDraining }) => !isDead && !isDraining)
        .reduce((sum, node) => sum + node.capacity, 0)
      return set.count === 0 ? null : { set, hasMembers: nodes.length > 0, capacity, configured: model.configured }
    },
    onChange: (listener) => {
      model.onChanged = listener
    },
    fence: async () => {},
    sweep: async () => 0,
    close: async () => {},
  }
}
