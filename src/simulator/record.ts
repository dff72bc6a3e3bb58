// What clients did, in order, for a test to look at afterwards or to wait for. The token is never part of it.

export type Deed =
  | {
      readonly kind: "request"
      readonly method: string
      readonly path: string
      /** With its question mark; empty when there is none. */
      readonly query: string
      /** `POST /channels/:channel/messages`, or `(unknown route)`. */
      readonly route: string
      /** The start of the SHA-256 of the Authorization header; null without one. */
      readonly token: string | null
      /** 0: never answered, or cut off before it was done. */
      readonly status: number
      readonly userAgent: string | null
      readonly bodyBytes: number
      /** The start of the SHA-256 of the body; null when there is none. */
      readonly bodyDigest: string | null
      /** X-Audit-Log-Reason, as it came. */
      readonly reason: string | null
      /** The type of the fault that happened to it. */
      readonly fault: string | null
    }
  | { readonly kind: "connect"; readonly connection: number; readonly query: string; readonly host: string }
  | {
      readonly kind: "identify"
      readonly connection: number
      readonly shard: number
      readonly shardCount: number
      readonly intents: number
      readonly properties: unknown
      /** `ready`, `too-soon`, `exhausted`, or what a fault did instead. */
      readonly outcome: string
    }
  | {
      readonly kind: "resume"
      readonly connection: number
      readonly shard: number | null
      readonly session: string
      readonly sequence: number
      /** `resumed`, `gone`, `impossible`, or what a fault did instead. */
      readonly outcome: string
    }
  | { readonly kind: "heartbeat"; readonly connection: number; readonly shard: number | null; readonly d: unknown }
  | {
      readonly kind: "packet"
      readonly connection: number
      readonly shard: number | null
      readonly op: number
      readonly d: unknown
    }
  | {
      readonly kind: "close"
      readonly connection: number
      readonly shard: number | null
      readonly by: "client" | "server"
      /** Null where the TCP connection just ended. */
      readonly code: number | null
      readonly reason: string
    }

/** `index` counts from 0 and goes on when older entries are forgotten. */
export type Entry = Deed & { readonly index: number; readonly atMs: number }
export type EntryOf<K extends Deed["kind"]> = Extract<Entry, { readonly kind: K }>

interface Waiter {
  readonly matches: (entry: Entry) => boolean
  readonly resolve: (entry: Entry) => void
}

const MAX_WAITERS = 1_000

export class ClientRecord {
  readonly #limit: number
  readonly #wallMs: () => number
  #entries: Entry[] = []
  #next = 0
  readonly #waiters = new Set<Waiter>()

  constructor(limit: number, wallMs: () => number) {
    this.#limit = limit
    this.#wallMs = wallMs
  }

  add(deed: Deed): void {
    const entry: Entry = { ...deed, index: this.#next, atMs: this.#wallMs() }
    this.#next += 1
    this.#entries.push(entry)
    if (this.#entries.length > this.#limit) this.#entries = this.#entries.slice(Math.ceil(this.#limit / 10))
    for (const waiter of [...this.#waiters]) {
      if (!waiter.matches(entry)) continue
      this.#waiters.delete(waiter)
      waiter.resolve(entry)
    }
  }

  /** Every entry that is remembered, oldest first. */
  all(): readonly Entry[] {
    return this.#entries
  }

  of<K extends Deed["kind"]>(kind: K): readonly EntryOf<K>[] {
    return this.#entries.filter((entry): entry is EntryOf<K> => entry.kind === kind)
  }

  /** The index that the next entry will have: pass it to `waitFor` to wait for something new. */
  next(): number {
    return this.#next
  }

  /** The first entry of that kind that matches, already there or still to come. */
  waitFor<K extends Deed["kind"]>(
    kind: K,
    matches: (entry: EntryOf<K>) => boolean = () => true,
    from = 0,
  ): Promise<EntryOf<K>> {
    const fits = (entry: Entry): entry is EntryOf<K> =>
      entry.kind === kind && entry.index >= from && matches(entry as EntryOf<K>)
    const known = this.#entries.find(fits)
    if (known !== undefined) return Promise.resolve(known)
    if (this.#waiters.size >= MAX_WAITERS) throw new RangeError(`At most ${MAX_WAITERS} waits on the record at once.`)
    return new Promise((resolve) => {
      this.#waiters.add({ matches: fits, resolve: (entry) => fits(entry) && resolve(entry) })
    })
  }

  clear(): void {
    this.#entries = []
  }
}
