// A service's defects: what it threw or rejected and nobody caught. They are lines of its log, which no secret leaves, and
// the reason for a stop in order, so that shards are handed over and sessions stored, where Bun by itself would end the
// process at once.

import type { Logger } from "../ops/log.ts"
import { EXIT_FAILED } from "./command.ts"

/** Until the service has stopped the same one may come again with every event. */
const MOST_TOLD = 10
/** For a stop that the defect itself keeps from ending. */
const MARGIN_MS = 5_000

/**
 * Watches this process until it ends.
 * @param stopWithinMs how long the service's stop takes at most
 * @returns aborts at the first defect: the service is to stop, and the process to end with EXIT_FAILED
 */
export function stopOnDefect(log: Logger, stopWithinMs: number): AbortSignal {
  const found = new AbortController()
  let told = 0
  const onDefect = (error: unknown) => {
    told += 1
    if (told <= MOST_TOLD) log.error({ err: error }, "Cannot go on: something failed that nobody expected; stopping.")
    if (found.signal.aborted) return
    setTimeout(() => process.exit(EXIT_FAILED), stopWithinMs + MARGIN_MS).unref()
    found.abort()
  }
  process.on("uncaughtException", onDefect)
  process.on("unhandledRejection", onDefect)
  return found.signal
}
