// Durations as people write them: Go's (`1h30m`, `500ms`) and in words (`2min`, `1 hour 30 minutes`).
// Source of the syntax: Go's time.ParseDuration, with the unit names of Rust's humantime.

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

const UNITS: readonly (readonly [ms: number, names: readonly string[]])[] = [
  [1e-6, ["ns", "nsec", "nanosecond", "nanoseconds"]],
  [1e-3, ["us", "µs", "μs", "usec", "microsecond", "microseconds"]],
  [1, ["ms", "msec", "millisecond", "milliseconds"]],
  [SECOND_MS, ["s", "sec", "secs", "second", "seconds"]],
  [MINUTE_MS, ["m", "min", "mins", "minute", "minutes"]],
  [HOUR_MS, ["h", "hr", "hrs", "hour", "hours"]],
  [DAY_MS, ["d", "day", "days"]],
]

/** The longest delay that a timer can run, about 24.8 days. */
export const MAX_DURATION_MS = 2 ** 31 - 1

/** Whole milliseconds, or undefined when the text is no duration: a number without a unit is none, but `0` is. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim()
  if (trimmed === "0") return 0
  if (trimmed === "") return undefined
  const part = /(\d+(?:\.\d+)?|\.\d+)\s*([a-zµμ]+)\s*/y
  let totalMs = 0
  while (part.lastIndex < trimmed.length) {
    const [, amount, unit] = part.exec(trimmed) ?? []
    const unitMs = unit === undefined ? undefined : UNITS.find(([, names]) => names.includes(unit))?.[0]
    if (amount === undefined || unitMs === undefined) return undefined
    totalMs += Number(amount) * unitMs
  }
  return Math.round(totalMs)
}

/** The shortest exact text: `2m`, `90s`, `1500ms`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return "0s"
  if (durationMs % HOUR_MS === 0) return `${durationMs / HOUR_MS}h`
  if (durationMs % MINUTE_MS === 0) return `${durationMs / MINUTE_MS}m`
  if (durationMs % SECOND_MS === 0) return `${durationMs / SECOND_MS}s`
  return `${durationMs}ms`
}
