// Reads what is new for a member of a group. On one server a single read covers all streams. In a cluster they lie on
// several servers: each is read on a connection of its own, and whatever comes first is given out.

import type { Clock } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import type { RedisClient } from "./client.ts"
import type { Entry } from "./entry.ts"
import type { GroupMember } from "./group.ts"

export interface ReadBounds {
  readonly count: number
  readonly blockMs: number
}

export interface Reader {
  /** What is read from now on. */
  follow(events: readonly string[]): void
  /** Entries, or none after some waiting. */
  read(events: readonly string[], bounds: ReadBounds): Promise<readonly Entry[]>
  /** Ends a read that waits, where that can be. */
  wake(): void
  /** Whether nothing is read any more of what is not followed: waits for it, within bounds. */
  settled(): Promise<boolean>
  /** Resolves once no read is under way, to entries that were read and that nobody has asked for. */
  finish(): Promise<readonly Entry[]>
  /** Lets go of the connections at once. */
  close(): void
}

export interface ReaderOptions {
  readonly member: GroupMember
  /** The user's client. */
  readonly redis: RedisClient
  /** Makes a connection for blocking reads. */
  readonly connect: () => RedisClient
  readonly clock: Clock
}

/**
 * How long a read of a stream in a cluster waits: it cannot be ended from outside, since the command for that must reach the
 * same server.
 */
const CLUSTER_BLOCK_MS = 500
/** A read may begin to wait just after it was to be ended, so it is ended so often, this far apart. */
const WAKE_ATTEMPTS = 10
const WAKE_EVERY_MS = 100

export function newReader(options: ReaderOptions): Reader {
  return options.redis.isCluster === true ? new ClusterReader(options) : new ServerReader(options)
}

class ServerReader implements Reader {
  readonly #options: ReaderOptions
  readonly #connection: RedisClient
  #connectionId: number | undefined
  #reading: Promise<void> | undefined

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#connection = options.connect()
    // Before the first read, behind which it would have to wait; and again after each reconnect.
    void this.#learnId()
    this.#connection.on("ready", () => void this.#learnId())
  }

  follow(): void {}

  read(events: readonly string[], bounds: ReadBounds): Promise<readonly Entry[]> {
    const reading = this.#options.member.read(this.#connection, events, bounds)
    this.#reading = reading.then(ignore, ignore)
    return reading
  }

  wake(): void {
    if (this.#connectionId === undefined) return
    // Where it is not allowed, the read ends by itself when its time is over.
    this.#options.redis.call("client", "UNBLOCK", this.#connectionId).catch(() => {})
  }

  async settled(): Promise<boolean> {
    if (this.#reading === undefined) return true
    for (let attempt = 0; attempt < WAKE_ATTEMPTS; attempt += 1) {
      this.wake()
      if (await settlesWithin(this.#options.clock, WAKE_EVERY_MS, this.#reading)) return true
    }
    return false
  }

  /** Whoever reads here takes what comes. */
  async finish(): Promise<readonly Entry[]> {
    return []
  }

  close(): void {
    this.#connection.disconnect(false)
  }

  async #learnId(): Promise<void> {
    try {
      this.#connectionId = Number(await this.#connection.call("client", "ID"))
    } catch {
      // Not allowed, or gone again: reads end by themselves.
      this.#connectionId = undefined
    }
  }
}

const ignore = () => {}

/** One stream: at most one read is under way or waits to be given out. */
interface Lane {
  readonly connection: RedisClient
  /** Settles, and never rejects, once the read has. */
  reading: Promise<void> | undefined
  read: { readonly entries: readonly Entry[] } | { readonly error: unknown } | undefined
}

class ClusterReader implements Reader {
  readonly #options: ReaderOptions
  /** By event; one for each that was ever read. */
  readonly #lanes = new Map<string, Lane>()
  #followed: readonly string[] = []

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  follow(events: readonly string[]): void {
    this.#followed = events
  }

  async read(events: readonly string[], { count, blockMs }: ReadBounds): Promise<readonly Entry[]> {
    const bounds = { count, blockMs: Math.min(blockMs, CLUSTER_BLOCK_MS) }
    const lanes = events.map((event) => this.#start(event, bounds))
    await Promise.race(lanes.map(({ reading }) => reading))
    return lanes.flatMap(take)
  }

  /** Reads end by themselves soon. */
  wake(): void {}

  async settled(): Promise<boolean> {
    const left = [...this.#lanes].filter(([event]) => !this.#followed.includes(event))
    await Promise.all(left.map(([, { reading }]) => reading))
    return true
  }

  async finish(): Promise<readonly Entry[]> {
    const lanes = [...this.#lanes.values()]
    await Promise.all(lanes.map(({ reading }) => reading))
    return lanes.flatMap((lane) => {
      const { read } = lane
      lane.read = undefined
      return read !== undefined && "entries" in read ? read.entries : []
    })
  }

  close(): void {
    for (const { connection } of this.#lanes.values()) connection.disconnect(false)
  }

  #start(event: string, bounds: ReadBounds): Lane {
    const known = this.#lanes.get(event)
    const lane = known ?? { connection: this.#options.connect(), reading: undefined, read: undefined }
    this.#lanes.set(event, lane)
    lane.reading ??= this.#options.member.read(lane.connection, [event], bounds).then(
      (entries) => {
        if (this.#followed.includes(event)) lane.read = { entries }
        else this.#giveBack(lane, entries)
      },
      (error: unknown) => {
        lane.read = { error }
      },
    )
    return lane
  }

  /** They came after nobody wanted them any more. What fails goes to another worker when its time is over. */
  #giveBack(lane: Lane, entries: readonly Entry[]): void {
    lane.reading = undefined
    for (const entry of entries) this.#options.member.giveBack(entry, false).catch(() => {})
  }
}

/** @throws what the read failed with; what others have read stays for the next time. */
function take(lane: Lane): readonly Entry[] {
  const { read } = lane
  if (read === undefined) return []
  lane.read = undefined
  lane.reading = undefined
  if ("error" in read) throw read.error
  return read.entries
}
