// The demo's live line, on the last row of the terminal. Everything above it is a scroll region, so events on standard
// output and logs scroll by without tearing it; the last row and not the first, because lines that scroll out of a region
// which begins at the top still go to the terminal's history.

import type { Clock } from "../flow/clock.ts"

const REFRESH_MS = 250

export interface Progress {
  readonly shardsReady: number
  readonly shards: number
  /** Published and confirmed so far. */
  readonly events: number
  /** From socket to confirm, lately. Null before the first event. */
  readonly latencyMs: number | null
}

/** One line of at most `columns` characters. */
export function formatProgress(progress: Progress, eventsPerSecond: number, columns: number): string {
  const { shardsReady, shards, events, latencyMs } = progress
  const parts = [
    `shards ${shardsReady}/${shards}`,
    `events ${grouped(events)}`,
    `${grouped(Math.round(eventsPerSecond))}/s`,
    latencyMs === null ? "latency –" : `latency ${latencyMs.toFixed(latencyMs < 10 ? 1 : 0)} ms`,
  ]
  return ` ${parts.join("  │  ")}`.slice(0, columns)
}

function grouped(value: number): string {
  return value.toLocaleString("en-US")
}

/** The terminal behind standard error, or something that looks like one. */
export interface Terminal {
  readonly isTTY: boolean
  readonly columns: number
  readonly rows: number
  write(text: string): void
}

/** Keeps the line fresh until the function returned is called, which gives the terminal back. Nothing without a terminal. */
export function showProgress(terminal: Terminal, clock: Clock, read: () => Progress): () => void {
  if (!terminal.isTTY || terminal.rows < 3) return () => {}
  let cancel = () => {}
  let rows = 0
  let last = { atMs: clock.nowMs(), events: read().events }
  let rate = 0

  const refresh = () => {
    const progress = read()
    const nowMs = clock.nowMs()
    if (nowMs > last.atMs) {
      rate = ((progress.events - last.events) * 1_000) / (nowMs - last.atMs)
      last = { atMs: nowMs, events: progress.events }
    }
    const region = terminal.rows === rows ? "" : reserve(terminal.rows)
    rows = terminal.rows
    terminal.write(region + drawn(formatProgress(progress, rate, terminal.columns), rows))
    cancel = clock.after(REFRESH_MS, refresh)
  }
  refresh()
  return () => {
    cancel()
    terminal.write(release(rows))
  }
}

const SAVE = "\x1b7"
const RESTORE = "\x1b8"
const CLEAR_LINE = "\x1b[2K"
const INVERSE = "\x1b[7m"
const PLAIN = "\x1b[0m"

const toRow = (row: number) => `\x1b[${row};1H`

/** Makes room by scrolling one line, then keeps the last row out of the scrolling. */
function reserve(rows: number): string {
  return `\n${SAVE}\x1b[1;${rows - 1}r${RESTORE}\x1b[1A`
}

/** In one write, with the cursor put back, also when it stands in the middle of a line of output. */
function drawn(line: string, rows: number): string {
  return `${SAVE}${toRow(rows)}${CLEAR_LINE}${INVERSE}${line}${PLAIN}${RESTORE}`
}

function release(rows: number): string {
  return `${SAVE}\x1b[r${toRow(rows)}${CLEAR_LINE}${RESTORE}`
}
