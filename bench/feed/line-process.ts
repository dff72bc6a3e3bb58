// A process that answers JSON lines with JSON lines.

import { createInterface } from "node:readline"
import { Readable } from "node:stream"

export interface LineProcess {
  say(value: unknown): void
  /** The next answer. @throws when the process has ended. */
  hear(): Promise<Record<string, unknown>>
  stop(): Promise<void>
}

export function startLineProcess(command: readonly string[]): LineProcess {
  const child = Bun.spawn([...command], { stdin: "pipe", stdout: "pipe", stderr: "inherit" })
  const lines = createInterface({ input: Readable.fromWeb(child.stdout as never) })[Symbol.asyncIterator]()
  return {
    say(value) {
      child.stdin.write(`${JSON.stringify(value)}\n`)
      void child.stdin.flush()
    },
    async hear() {
      const { done, value } = await lines.next()
      if (done === true) throw new Error(`${command.join(" ")} has ended.`)
      return JSON.parse(value) as Record<string, unknown>
    },
    async stop() {
      child.kill()
      await child.exited
    },
  }
}
