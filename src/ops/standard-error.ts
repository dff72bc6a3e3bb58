// Standard error, for logs and the demo's live line. Never blocks the service: text that a stuck reader does not take
// waits up to a bound, and past it lines are dropped and counted.

import type { Terminal } from "./progress.ts"

/** Characters that wait for a stuck reader before lines are dropped. */
export const MAX_WAITING_CHARACTERS = 1024 * 1024
const STANDARD_ERROR = 2

/** What is needed of a file. Both answer with a promise where the reader makes them wait. */
export interface TextWriter {
  write(text: string): number | Promise<number>
  /** Small writes stay in the file's buffer until then. */
  flush(): number | Promise<number>
}

export class TextOutput {
  readonly #writer: TextWriter
  readonly #waiting: string[] = []
  #waitingCharacters = 0
  #droppedLines = 0
  #sending: Promise<void> | null = null

  constructor(writer: TextWriter) {
    this.#writer = writer
  }

  /** Writes, at once where that can be. Never throws: when nobody reads any more, the text is lost. */
  write(text: string): void {
    if (this.#sending !== null) return this.#wait(text)
    try {
      const written = this.#writer.write(text)
      const flushed = typeof written === "number" ? this.#writer.flush() : written
      if (typeof flushed !== "number") this.#sending = this.#sendRest(flushed)
    } catch {
      // Nobody reads any more, and there is nowhere left to say so.
    }
  }

  /** Resolves when everything written so far was taken, or nobody reads. */
  async flush(): Promise<void> {
    await this.#sending
  }

  #wait(text: string): void {
    if (this.#waitingCharacters + text.length > MAX_WAITING_CHARACTERS) {
      this.#droppedLines += 1
      return
    }
    this.#waiting.push(text)
    this.#waitingCharacters += text.length
  }

  async #sendRest(first: Promise<number>): Promise<void> {
    try {
      await first
      await this.#writer.flush()
      for (let text = this.#next(); text !== undefined; text = this.#next()) {
        await this.#writer.write(text)
        await this.#writer.flush()
      }
    } catch {
      this.#waiting.length = 0
      this.#waitingCharacters = 0
    }
    this.#sending = null
  }

  #next(): string | undefined {
    const text = this.#waiting.shift()
    this.#waitingCharacters -= text?.length ?? 0
    if (text !== undefined || this.#droppedLines === 0) return text
    const notice = `${this.#droppedLines} lines were dropped here, because standard error was not read.\n`
    this.#droppedLines = 0
    return notice
  }
}

/** Standard error's terminal, if it is one, written to through `output`, so that logs and the live line keep their order. */
export function errorTerminal(output: TextOutput): Terminal {
  const { stderr } = process
  return {
    isTTY: stderr.isTTY === true,
    get columns() {
      return stderr.columns
    },
    get rows() {
      return stderr.rows
    },
    write: (text) => output.write(text),
  }
}

export function standardError(): TextOutput {
  return new TextOutput(Bun.file(STANDARD_ERROR).writer())
}
