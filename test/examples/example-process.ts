// An example in a process of its own: waits for the lines that it prints.

export class ExampleProcess {
  readonly lines: string[] = []
  readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">
  readonly #read: Promise<void>
  #wake: () => void = () => {}

  constructor(command: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
    this.#process = Bun.spawn([...command], {
      cwd,
      env: { PATH: process.env["PATH"] ?? "", ...env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    })
    this.#read = this.#follow()
  }

  /** Resolves once a line holds the text. Rejects when the example ends without. */
  async says(text: string): Promise<void> {
    while (!this.lines.some((line) => line.includes(text))) {
      const ended = await Promise.race([
        this.#read.then(() => true),
        new Promise<false>((resolve) => {
          this.#wake = () => resolve(false)
        }),
      ])
      if (ended && !this.lines.some((line) => line.includes(text))) {
        throw new Error(`The example ended with ${this.#process.exitCode} and never said "${text}".`)
      }
    }
  }

  /** Ends it as an operator would. Resolves to its exit code. */
  async end(): Promise<number> {
    this.#process.kill("SIGTERM")
    return await this.ended()
  }

  async ended(): Promise<number> {
    await this.#read
    return await this.#process.exited
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGKILL")
    await this.#process.exited
  }

  async #follow(): Promise<void> {
    let text = ""
    for await (const chunk of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + chunk).split("\n")
      text = lines.pop() ?? ""
      this.lines.push(...lines)
      this.#wake()
    }
  }
}
