// The server of the in-memory broker: one stream an event, read by groups, as in Redis. Each group sees every entry
// once, from the oldest kept; within a group an entry goes to one consumer until it is acknowledged or given back.

/** Entries that a stream keeps for groups that have not read them; older ones are forgotten, as by trimming. */
export const DEFAULT_RETAINED_ENTRIES = 10_000

export interface Entry {
  readonly event: string
  /** `session:sequence` of a published event; empty for announcements and calls. */
  readonly id: string
  /** What names the event whichever session it came by, where the batch had one. */
  readonly key?: string
  readonly body: Uint8Array
  /** Takes the reply's body, where the entry is a call. */
  readonly reply: ((body: Uint8Array) => void) | null
}

interface Group {
  /** Position, since the start of the stream, of the next entry to read. */
  next: number
  /** Given back, to be delivered before anything new, oldest first. */
  readonly returned: Entry[]
}

interface Stream {
  readonly entries: Entry[]
  /** Entries forgotten so far. */
  trimmed: number
  readonly groups: Map<string, Group>
  /** Told when there may be something to take. */
  readonly watchers: Set<() => void>
}

export class MemoryHub {
  readonly #retainedEntries: number
  readonly #streams = new Map<string, Stream>()

  constructor({ retainedEntries = DEFAULT_RETAINED_ENTRIES }: { readonly retainedEntries?: number } = {}) {
    this.#retainedEntries = retainedEntries
  }

  append(entry: Entry): void {
    const stream = this.#stream(entry.event)
    stream.entries.push(entry)
    // Twice the number before a cut, so that an append costs the same on average however much is kept.
    if (stream.entries.length >= this.#retainedEntries * 2) {
      const cut = stream.entries.length - this.#retainedEntries
      stream.entries.splice(0, cut)
      stream.trimmed += cut
    }
    wake(stream)
  }

  /** The entries that are kept of an event, oldest first. */
  entries(event: string): readonly Entry[] {
    return this.#streams.get(event)?.entries ?? []
  }

  /** The next entry of an event for a group, or undefined when there is none now. The group is made when it is new. */
  take(event: string, groupName: string): Entry | undefined {
    const stream = this.#stream(event)
    const group = groupOf(stream, groupName)
    const returned = group.returned.shift()
    if (returned !== undefined) return returned
    group.next = Math.max(group.next, stream.trimmed)
    const entry = stream.entries[group.next - stream.trimmed]
    if (entry !== undefined) group.next += 1
    return entry
  }

  /** Gives entries that were taken and not acknowledged back to their group. */
  giveBack(entries: readonly Entry[], groupName: string): void {
    for (const entry of entries.toReversed()) {
      const stream = this.#stream(entry.event)
      groupOf(stream, groupName).returned.unshift(entry)
      wake(stream)
    }
  }

  /** Calls `onChange` when there may be something to take of these events. Returns what ends that. */
  watch(events: readonly string[], onChange: () => void): () => void {
    const streams = events.map((event) => this.#stream(event))
    for (const { watchers } of streams) watchers.add(onChange)
    return () => {
      for (const { watchers } of streams) watchers.delete(onChange)
    }
  }

  #stream(event: string): Stream {
    let stream = this.#streams.get(event)
    if (stream === undefined) {
      stream = { entries: [], trimmed: 0, groups: new Map(), watchers: new Set() }
      this.#streams.set(event, stream)
    }
    return stream
  }
}

function wake({ watchers }: Stream): void {
  for (const onChange of watchers) onChange()
}

function groupOf(stream: Stream, name: string): Group {
  let group = stream.groups.get(name)
  if (group === undefined) {
    group = { next: 0, returned: [] }
    stream.groups.set(name, group)
  }
  return group
}
