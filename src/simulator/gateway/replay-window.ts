// The last dispatches of a session, for a resume. Finite, as Discord's is.

interface Entry {
  readonly sequence: number
  readonly json: Buffer
}

export class ReplayWindow {
  readonly #entries: (Entry | undefined)[]
  #last = 0

  constructor(limit: number) {
    this.#entries = new Array<Entry | undefined>(limit).fill(undefined)
  }

  /** Sequences must be added in order, without a gap. */
  add(sequence: number, json: Buffer): void {
    this.#entries[sequence % this.#entries.length] = { sequence, json }
    this.#last = sequence
  }

  /** The payloads after `sequence`, oldest first; undefined when one of them is no longer kept. */
  since(sequence: number): readonly Buffer[] | undefined {
    const payloads: Buffer[] = []
    for (let wanted = sequence + 1; wanted <= this.#last; wanted++) {
      const entry = this.#entries[wanted % this.#entries.length]
      if (entry?.sequence !== wanted) return undefined
      payloads.push(entry.json)
    }
    return payloads
  }
}
