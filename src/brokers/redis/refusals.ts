// What an operator is told where Redis refuses for good: what it answered, and what to change.

import { OperatorError } from "../../ops/operator-error.ts"
import type { Failure } from "./round.ts"

export function refusedLogin(name: string, text: string): OperatorError {
  return new OperatorError(
    `Cannot log in to Redis at ${name}: it answers "${text}". Correct the user or password in redis.url.`,
  )
}

const ADVICE: Readonly<Record<string, string>> = {
  WRONGTYPE: "another program keeps something else under that key: rename or delete it.",
  NOPERM: "let the user run XADD, SET, MULTI and EXEC on that key.",
  NOAUTH: "write the password into redis.url.",
  ERR: "it needs Redis 6.2 or newer, with XADD, SET, MULTI and EXEC.",
  MOVED: "that server belongs to a cluster: list two or more of its servers in redis.urls.",
  ASK: "that server belongs to a cluster: list two or more of its servers in redis.urls.",
}

/** @param failure one that only an operator can mend */
export function refusedEvents(name: string, { text, key }: Failure): Error {
  const [code = ""] = text.split(" ")
  const advice = ADVICE[code] ?? "mend that on the server."
  const what = key === null ? "publish" : `write to the key ${key}`
  return new Error(`Cannot ${what} on Redis at ${name}, which answers "${text}": ${advice}`)
}
