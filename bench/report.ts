// A benchmark's result: medians, their spread, ratios, and the table.

import type { RatioTarget, Sample } from "./benchmark.ts"

export interface Row {
  readonly name: string
  readonly skipped?: string
  readonly cpuUsPerEvent?: Spread
  readonly eventsPerSecond?: Spread
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface Report {
  readonly benchmark: string
  readonly question: string
  readonly at: string
  readonly machine: string
  readonly rounds: number
  readonly rows: readonly Row[]
  readonly ratios: readonly RatioTarget[]
}

export function rowOf(name: string, samples: readonly Sample[], skipped: string | undefined): Row {
  if (samples.length === 0) return { name, skipped: skipped ?? "not run" }
  return {
    name,
    cpuUsPerEvent: spread(samples.map(({ cpuUs, events }) => cpuUs / events)),
    eventsPerSecond: spread(samples.map(({ wallUs, events }) => events / (wallUs / 1_000_000))),
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper
  return { median: (lower + upper) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}

export function printReport({ question, machine, rounds, rows, ratios }: Report): void {
  console.log(`\n${question}`)
  console.log(`${machine}; median of ${rounds} (least–most)\n`)
  const width = Math.max(...rows.map(({ name }) => name.length))
  console.log(`${"".padEnd(width)}  ${"µs CPU an event".padStart(24)}  ${"events/s".padStart(12)}`)
  for (const row of rows) console.log(line(row, width))
  if (ratios.length > 0) console.log("")
  for (const target of ratios) console.log(ratioLine(target, rows))
}

function line({ name, skipped, cpuUsPerEvent: cpu, eventsPerSecond }: Row, width: number): string {
  if (cpu === undefined || eventsPerSecond === undefined) return `${name.padEnd(width)}  skipped: ${skipped}`
  const cost = `${cpu.median.toFixed(2)} (${cpu.min.toFixed(2)}–${cpu.max.toFixed(2)})`
  return `${name.padEnd(width)}  ${cost.padStart(24)}  ${Math.round(eventsPerSecond.median).toLocaleString("en").padStart(12)}`
}

function ratioLine({ of, to, atMost }: RatioTarget, rows: readonly Row[]): string {
  const cost = (name: string) => rows.find((row) => row.name === name)?.cpuUsPerEvent?.median
  const above = cost(of)
  const below = cost(to)
  const label = `${of} / ${to}`
  if (above === undefined || below === undefined) return `${label}: not measured (target ≤ ${atMost.toFixed(2)})`
  const ratio = above / below
  return `${label}: ${ratio.toFixed(2)} (target ≤ ${atMost.toFixed(2)}: ${ratio <= atMost ? "holds" : "MISSED"})`
}
