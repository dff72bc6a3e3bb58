// The names of everything a session dispatched, by sequence, so that what arrived elsewhere can be compared with it.

export interface LoggedDispatch {
  readonly sequence: number
  readonly t: string
  /** Of an event of the traffic: the same in the log of every session that got it. */
  readonly event?: number
}

export class DispatchLog {
  readonly #limit: number
  readonly #names: { readonly t: string; readonly event?: number }[] = []
  #first = 1

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Adds the next sequence. Past the limit the oldest tenth is forgotten. */
  add(t: string, event?: number): void {
    this.#names.push({ t, ...(event !== undefined && { event }) })
    if (this.#names.length <= this.#limit) return
    const forgotten = Math.ceil(this.#limit / 10)
    this.#names.splice(0, forgotten)
    this.#first += forgotten
  }

  /** What is remembered after `sequence`, oldest first. */
  after(sequence = 0): LoggedDispatch[] {
    const from = Math.max(0, sequence + 1 - this.#first)
    return this.#names.slice(from).map((dispatch, index) => ({ sequence: this.#first + from + index, ...dispatch }))
  }

  /** How many dispatches there were, the forgotten ones too. */
  count(): number {
    return this.#first - 1 + this.#names.length
  }
}
