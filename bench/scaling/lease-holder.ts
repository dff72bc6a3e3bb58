// One gateway's talk with the ledger, without shards or a plan: it renews what it holds, and asks again when
// another changed something, as step.ts in src/gateway/fleet does.

import type { Beat, Ledger } from "../../src/gateway/fleet/ledger.ts"
import { firstSet } from "../../src/gateway/shard-set.ts"

/** Beats in a lease. */
const BEATS = 5

export interface LeaseHolderOptions {
  /** Over connections that are made already. */
  readonly newLedger: () => Ledger
  readonly node: string
  readonly shards: readonly number[]
  readonly shardCount: number
  readonly leaseMs: number
}

export class LeaseHolder {
  readonly #options: LeaseHolderOptions
  #ledger: Ledger
  #held: Beat["held"] = []
  #invites: Beat["node"]["invites"] = []
  #exchanges = 0
  #beating: ReturnType<typeof setTimeout> | undefined
  #isAsking = false
  #isAskedAgain = false
  #isStopped = false

  constructor(options: LeaseHolderOptions) {
    this.#options = options
    this.#ledger = options.newLedger()
  }

  get node(): string {
    return this.#options.node
  }

  get held(): Beat["held"] {
    return this.#held
  }

  get exchanges(): number {
    return this.#exchanges
  }

  /** Resolves once a new ledger lets shards be claimed. */
  async open(leaseMs: number): Promise<void> {
    const { book } = await this.#ledger.exchange(this.#beat([], leaseMs))
    await Bun.sleep(leaseMs)
    await this.#ledger.exchange({ ...this.#beat([], leaseMs), swept: book.claimFromMs })
  }

  async claim(): Promise<void> {
    const { node, shards } = this.#options
    const { book } = await this.#ledger.exchange(this.#beat(shards))
    this.#held = shards.map((shard) => {
      const lease = book.leases.get(shard)
      if (lease?.owner !== node) throw new Error(`Cannot measure leases: shard ${shard} went to ${lease?.owner}.`)
      return { shard, token: lease.token }
    })
  }

  /** It knows nothing of the leases, as after its start. */
  forget(): void {
    this.#ledger = this.#options.newLedger()
  }

  async beat(): Promise<void> {
    await this.#ledger.exchange(this.#beat([]))
    this.#exchanges += 1
  }

  start(): void {
    this.#ledger.onChange(() => void this.#ask())
    void this.#ask()
  }

  /** Something else each time: the next beat tells. */
  invite(): void {
    this.#invites = [{ shard: 0, token: (this.#invites[0]?.token ?? 0) + 1 }]
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#beating)
    while (this.#isAsking) await Bun.sleep(1)
    await this.#ledger.close()
  }

  async #ask(): Promise<void> {
    this.#isAskedAgain = true
    if (this.#isAsking) return
    this.#isAsking = true
    clearTimeout(this.#beating)
    while (this.#isAskedAgain && !this.#isStopped) {
      this.#isAskedAgain = false
      await this.beat()
    }
    this.#isAsking = false
    if (!this.#isStopped) this.#beating = setTimeout(() => void this.#ask(), this.#options.leaseMs / BEATS)
  }

  #beat(claims: readonly number[], leaseMs = this.#options.leaseMs): Beat {
    const { node, shardCount } = this.#options
    return {
      node: { id: node, weight: 1, capacity: shardCount, isDraining: false, isBusy: false, invites: this.#invites },
      ...{ set: firstSet(shardCount), leaseMs, held: this.#held, claims, handOvers: [], fenced: [], isLeaving: false },
      ...{ knows: null, swept: null },
    }
  }
}
