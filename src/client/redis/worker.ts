// What a broker over Redis does for its group: gives messages to listeners and loops, and settles them.

import { backoffMs } from "../../flow/backoff.ts"
import { type Clock, sleep } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import { InHand } from "../in-hand.ts"
import { type ConsumeOptions, DEFAULT_PREFETCH, type DeadLetter, type Message } from "../message.ts"
import type { RedisClient } from "./client.ts"
import type { Entry } from "./entry.ts"
import type { GroupMember } from "./group.ts"
import { replier } from "./reply.ts"
import { EntrySource, type ReadLimits } from "./source.ts"

/** While Redis is away nothing is answered, and what a connection was asked may never be: closing waits no longer for that. */
const LEAVE_WITHIN_MS = 3_000
const READ_BACKOFF = { baseMs: 100, capMs: 5_000 }

export interface WorkerOptions {
  /** For commands. */
  readonly redis: RedisClient
  /** Makes a connection for blocking reads. */
  readonly connect: () => RedisClient
  readonly member: GroupMember
  readonly limits: ReadLimits
  readonly read: (body: Buffer) => unknown
  readonly write: (data: unknown) => Buffer
  /** Gives a message to the listeners; false when there are none. */
  readonly onMessage: (message: Message) => boolean
  readonly onDeadLetter: (letter: DeadLetter) => void
  /** Something failed, and is tried again. Must not throw. */
  readonly onError: (error: unknown) => void
  /** A listener threw. */
  readonly onThrown: (error: unknown) => void
  readonly clock: Clock
}

interface Listening {
  readonly source: EntrySource
  readonly ended: Promise<void>
}

export class Worker {
  readonly #options: WorkerOptions
  readonly #inHand = new InHand()
  readonly #closing = new AbortController()
  readonly #sources = new Set<EntrySource>()
  /** Every event that was ever read. */
  readonly #events = new Set<string>()
  /** Fetched by loops and not given out yet. */
  readonly #fetched = new Set<Entry[]>()
  /** Reads for the listeners, from the first `subscribe` on. */
  #listening: Listening | undefined

  constructor(options: WorkerOptions) {
    this.#options = options
  }

  async subscribe(events: readonly string[]): Promise<void> {
    if (this.#closing.signal.aborted)
      throw new Error(`Cannot subscribe to ${events.join(", ")}: the broker was closed.`)
    await this.#join(events)
    this.#listening ??= this.#listen()
    const { source } = this.#listening
    source.follow([...new Set([...source.events, ...events])])
  }

  async unsubscribe(events: readonly string[]): Promise<void> {
    const source = this.#listening?.source
    source?.follow(source.events.filter((event) => !events.includes(event)))
    // It leaves a group only when no read is under way: what that brought would go with its name.
    if ((await source?.settled()) !== false) await this.#options.member.leave(events)
  }

  async *messages(
    events: readonly string[],
    { prefetch = DEFAULT_PREFETCH, signal }: ConsumeOptions,
  ): AsyncGenerator<Message, void, undefined> {
    const closing = this.#closing.signal
    const stop = signal === undefined ? closing : AbortSignal.any([signal, closing])
    const inHand = new InHand(this.#inHand)
    const fetched: Entry[] = []
    await this.#join(events)
    const source = this.#open()
    const wake = () => source.wake()
    stop.addEventListener("abort", wake)
    this.#fetched.add(fetched)
    source.follow(events)
    try {
      while (!stop.aborted) {
        await inHand.below(prefetch, stop)
        if (fetched.length === 0) fetched.push(...(await this.#next(source, stop)))
        const entry = stop.aborted ? undefined : fetched.shift()
        if (entry === undefined) continue
        const message = await this.#message(entry, source, inHand.take())
        if (message !== undefined) yield message
      }
    } finally {
      stop.removeEventListener("abort", wake)
      await this.#leave(source)
      await this.#giveBack(fetched)
      this.#fetched.delete(fetched)
    }
  }

  /** Reads nothing more, and waits for what is in hand. */
  async close(drainWithinMs: number): Promise<void> {
    const { clock, member } = this.#options
    this.#stop()
    let isSettled = false
    const left = this.#leaveAll().then((settled) => {
      isSettled = settled
    })
    await settlesWithin(clock, LEAVE_WITHIN_MS, left)
    await this.#inHand.drained(drainWithinMs, clock)
    // A courtesy: who closed the client first leaves a name behind in the group, and nothing else.
    if (isSettled) await settlesWithin(clock, LEAVE_WITHIN_MS, member.leave([...this.#events])).catch(() => {})
  }

  disconnect(): void {
    this.#stop()
    for (const source of [...this.#sources]) this.#shut(source)
  }

  #stop(): void {
    this.#closing.abort()
    for (const source of this.#sources) source.wake()
  }

  async #join(events: readonly string[]): Promise<void> {
    for (const event of events) this.#events.add(event)
    await this.#options.member.join(events)
  }

  #open(): EntrySource {
    const source = new EntrySource({ ...this.#options, onDead: (entry) => this.#bury(entry) })
    this.#sources.add(source)
    return source
  }

  #shut(source: EntrySource): void {
    this.#sources.delete(source)
    source.close()
  }

  /** @returns whether no read is under way any more */
  async #leaveAll(): Promise<boolean> {
    for (const fetched of this.#fetched) await this.#giveBack(fetched)
    const settled = await Promise.all([...this.#sources].map((source) => this.#leave(source)))
    await this.#listening?.ended
    return settled.every(Boolean)
  }

  /** What was read meanwhile goes to whoever comes next. @returns whether no read is under way any more */
  async #leave(source: EntrySource): Promise<boolean> {
    this.#sources.delete(source)
    const isSettled = await source.settled()
    await this.#giveBack([...(await source.finish())])
    return isSettled
  }

  #listen(): Listening {
    const source = this.#open()
    return { source, ended: this.#deliver(source) }
  }

  async #deliver(source: EntrySource): Promise<void> {
    const closing = this.#closing.signal
    while (!closing.aborted) {
      for (const entry of await this.#next(source, closing)) {
        if (closing.aborted) await this.#giveBack([entry])
        else await this.#give(entry, source)
      }
    }
  }

  async #give(entry: Entry, source: EntrySource): Promise<void> {
    const settled = this.#inHand.take()
    const message = await this.#message(entry, source, settled)
    if (message === undefined) return
    try {
      // Without a listener it stays pending, and nobody is working on it.
      if (!this.#options.onMessage(message)) settled()
    } catch (error) {
      this.#options.onThrown(error)
    }
  }

  /** Entries, or none after some waiting. A failure is told and tried again, later each time. */
  async #next(source: EntrySource, stop: AbortSignal): Promise<readonly Entry[]> {
    for (let attempt = 1; !stop.aborted; attempt += 1) {
      try {
        return await source.next()
      } catch (error) {
        if (stop.aborted) break
        this.#options.onError(error)
        await sleep(this.#options.clock, backoffMs(attempt, READ_BACKOFF, Math.random()), stop).catch(() => {})
      }
    }
    return []
  }

  /** Undefined for an entry that cannot be read: no worker ever could, so it is set aside at once. */
  async #message(entry: Entry, source: EntrySource, settled: () => boolean): Promise<Message | undefined> {
    const { redis, member, read, write, clock } = this.#options
    let data: unknown
    try {
      if (entry.body === undefined) throw new Error(`Cannot read entry ${entry.entryId}: it has no field "data".`)
      data = read(entry.body)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      await this.#bury(entry, reason).catch(this.#options.onError).finally(settled)
      return undefined
    }
    const reply = replier(redis, `${entry.event}:${entry.entryId}`, clock)
    return {
      event: entry.event,
      data,
      id: entry.id,
      ...(entry.key !== undefined && { key: entry.key }),
      attempt: entry.attempt,
      ack: () => member.ack(entry).finally(settled),
      nack: async () => {
        await member.giveBack(entry, true).finally(settled)
        source.retrySoon()
      },
      reply: async (value) => await reply(write(value)),
    }
  }

  async #bury(entry: Entry, reason?: string): Promise<void> {
    const to = await this.#options.member.setAside(entry)
    const { event, id, attempt } = entry
    const given = `Cannot deliver ${event} ${id}: it was given out ${attempt - 1} times and never acknowledged.`
    this.#options.onDeadLetter({ event, id, reason: reason ?? given, to })
  }

  /** What cannot be given back goes to another worker when its time is over. */
  async #giveBack(entries: Entry[]): Promise<void> {
    await Promise.allSettled(entries.splice(0).map((entry) => this.#options.member.giveBack(entry, false)))
  }
}
