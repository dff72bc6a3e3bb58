// A gateway's load: how much of one CPU its process has used, window by window, and whether that is more than it should.
// Above its limit a gateway takes no more shards as long as others have room; below, it takes a few in each window, so that
// what they cost is known before the next ones come. It gives none away for its load: that would only move the trouble about.

import type { Clock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"

/** Long enough for bursts and collections of garbage to even out. */
export const WINDOW_MS = 10_000
/** Of the limit: what the load must stay below, for so many windows in a row, before more shards come. */
const CALM_SHARE = 0.8
const CALM_WINDOWS = 3
const US_PER_MS = 1_000

export interface Judgement {
  readonly isOver: boolean
  /** Windows in a row that were well below the limit. */
  readonly calmWindows: number
}

export const UNJUDGED: Judgement = { isOver: false, calmWindows: 0 }

/** @param load of one window, as part of one CPU */
export function judge({ isOver, calmWindows }: Judgement, load: number, maxLoad: number): Judgement {
  if (load >= maxLoad) return { isOver: true, calmWindows: 0 }
  const calm = load < maxLoad * CALM_SHARE ? calmWindows + 1 : 0
  return { isOver: isOver && calm < CALM_WINDOWS, calmWindows: calm }
}

export interface LoadLimit {
  /** Of one CPU. */
  readonly maxLoad: number
  /** What the process has used since it started. */
  readonly cpuUs: () => number
}

export interface LoadWatchOptions extends LoadLimit {
  readonly clock: Clock
  readonly log: Logger
  /** After every window. */
  readonly onMeasured: (load: number, isOver: boolean) => void
}

export class LoadWatch {
  readonly #options: LoadWatchOptions
  #judgement = UNJUDGED
  #cancel: () => void = () => {}

  constructor(options: LoadWatchOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, cpuUs, onMeasured } = this.#options
    const startedMs = clock.nowMs()
    const startedUs = cpuUs()
    this.#cancel = clock.after(WINDOW_MS, () => {
      const load = (cpuUs() - startedUs) / ((clock.nowMs() - startedMs) * US_PER_MS)
      this.#judge(load)
      this.start()
      onMeasured(load, this.#judgement.isOver)
    })
  }

  #judge(load: number): void {
    const { log, maxLoad } = this.#options
    const wasOver = this.#judgement.isOver
    this.#judgement = judge(this.#judgement, load, maxLoad)
    const { isOver } = this.#judgement
    if (isOver && !wasOver) log.warn({ load }, "above shards.max_load: no more shards come while others have room")
    if (!isOver && wasOver) log.info({ load }, "well below shards.max_load again: its share of the shards may come")
  }

  stop(): void {
    this.#cancel()
  }
}
