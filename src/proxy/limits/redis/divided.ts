// What one of several processes may do by itself: its part of a limit, rounded down, so that all parts together never
// exceed the whole.

import type { WindowHeaders } from "../limit-headers.ts"

/** A rate of less than one a second is still one. */
export function dividedRate(perSecond: number, instances: number): number {
  return Math.max(1, Math.floor(perSecond / instances))
}

export function dividedWindow(window: WindowHeaders, instances: number): WindowHeaders {
  const limit = Math.max(1, Math.floor(window.limit / instances))
  return { ...window, limit, remaining: Math.floor(window.remaining / instances) }
}
