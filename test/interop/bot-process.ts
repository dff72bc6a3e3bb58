// A bot in a process of its own, which says what it sees as JSON lines: reads and waits for them.

/** What a bot says. `saw` tells the kinds apart. */
export interface Sighting {
  readonly saw: string
  readonly shard?: number
  readonly t?: string
  readonly s?: number
  readonly d?: unknown
  readonly message?: string
}

interface Waiter {
  readonly matches: (sighting: Sighting) => boolean
  readonly resolve: (sighting: Sighting) => void
  readonly reject: (error: Error) => void
}

export class BotProcess {
  readonly sightings: Sighting[] = []
  readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">
  #waiters: Waiter[] = []

  constructor(command: readonly string[], cwd: string) {
    this.#process = Bun.spawn([...command], { cwd, stdin: "ignore", stdout: "pipe", stderr: "inherit" })
    void this.#read()
  }

  /** The first sighting from `from` on that matches, seen already or still to come. Rejects when the bot ends. */
  until(matches: (sighting: Sighting) => boolean, from = 0): Promise<Sighting> {
    const seen = this.sightings.slice(from).find(matches)
    if (seen !== undefined) return Promise.resolve(seen)
    return new Promise((resolve, reject) => this.#waiters.push({ matches, resolve, reject }))
  }

  /** Ends the bot as a user would. Resolves to its exit code. */
  stop(): Promise<number> {
    this.#process.kill("SIGTERM")
    return this.#process.exited
  }

  kill(): void {
    this.#process.kill("SIGKILL")
  }

  async #read(): Promise<void> {
    let text = ""
    for await (const chunk of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + chunk).split("\n")
      text = lines.pop() ?? ""
      for (const line of lines) this.#saw(JSON.parse(line))
    }
    for (const { reject } of this.#waiters.splice(0)) reject(new Error("The bot's process has ended."))
  }

  #saw(sighting: Sighting): void {
    this.sightings.push(sighting)
    const met = this.#waiters.filter(({ matches }) => matches(sighting))
    this.#waiters = this.#waiters.filter((waiter) => !met.includes(waiter))
    for (const { resolve } of met) resolve(sighting)
  }
}
