// What each of the processes says that requests go through: its port, and for each line on standard input the CPU time it took
// so far. Ends with whoever asks.

import { createInterface } from "node:readline"

export async function answerAs(port: number): Promise<never> {
  say({ port })
  for await (const _ of createInterface({ input: process.stdin })) {
    const { user, system } = process.cpuUsage()
    say({ cpuUs: user + system })
  }
  process.exit(0)
}

function say(value: unknown): void {
  console.log(JSON.stringify(value))
}
