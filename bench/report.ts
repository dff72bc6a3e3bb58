// A benchmark's result: medians, their spread, ratios, and the table.

import type { RatioTarget, Sample } from "./benchmark.ts"

export interface Row {
  readonly name: string
  readonly skipped?: string
  readonly cpuUsPerEvent?: Spread
  readonly eventsPerSecond?: Spread
  /** Medians over the rounds of the median, 99 % and 99.9 %. */
  readonly latencyUs?: readonly number[]
  readonly residentBytes?: Spread
  /** CPU an event of other processes, by their name. */
  readonly besideUsPerEvent?: Readonly<Record<string, Spread>>
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
  readonly ratios: readonly Ratio[]
}

/** Of each round for itself; undefined where it was not measured. */
export interface Ratio {
  readonly target: RatioTarget
  readonly measured: Spread | undefined
}

export function ratioOf(target: RatioTarget, samples: ReadonlyMap<string, readonly Sample[]>): Ratio {
  const figureOf = ({ events, cpuUs, wallUs }: Sample) => ("rateAtLeast" in target ? events / wallUs : cpuUs / events)
  const below = samples.get(target.to) ?? []
  const rounds = (samples.get(target.of) ?? []).flatMap((sample, round) => {
    const other = below[round]
    return other === undefined ? [] : [figureOf(sample) / figureOf(other)]
  })
  return { target, measured: rounds.length === 0 ? undefined : spread(rounds) }
}

export function rowOf(name: string, samples: readonly Sample[], skipped: string | undefined): Row {
  if (samples.length === 0) return { name, skipped: skipped ?? "not run" }
  const resident = samples.flatMap(({ residentBytes }) => (residentBytes === undefined ? [] : [residentBytes]))
  const latencies = samples.flatMap(({ latencyUs }) => (latencyUs === undefined ? [] : [latencyUs]))
  return {
    name,
    ...(latencies.length === 0
      ? {}
      : { latencyUs: [0, 1, 2].map((part) => spread(latencies.map((one) => one[part] ?? Number.NaN)).median) }),
    ...(resident.length === 0 ? {} : { residentBytes: spread(resident) }),
    ...besideOf(samples),
    cpuUsPerEvent: spread(samples.map(({ cpuUs, events }) => cpuUs / events)),
    eventsPerSecond: spread(samples.map(({ wallUs, events }) => events / (wallUs / 1_000_000))),
  }
}

function besideOf(samples: readonly Sample[]): Pick<Row, "besideUsPerEvent"> {
  const names = Object.keys(samples[0]?.besideUs ?? {})
  if (names.length === 0) return {}
  const of = (name: string) => spread(samples.map(({ besideUs, events }) => (besideUs?.[name] ?? Number.NaN) / events))
  return { besideUsPerEvent: Object.fromEntries(names.map((name) => [name, of(name)])) }
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
  for (const ratio of ratios) console.log(ratioLine(ratio))
}

function line(row: Row, width: number): string {
  const { name, skipped, cpuUsPerEvent: cpu, eventsPerSecond, latencyUs, residentBytes, besideUsPerEvent } = row
  if (cpu === undefined || eventsPerSecond === undefined) return `${name.padEnd(width)}  skipped: ${skipped}`
  const cost = `${cpu.median.toFixed(2)} (${cpu.min.toFixed(2)}–${cpu.max.toFixed(2)})`
  const rate = Math.round(eventsPerSecond.median).toLocaleString("en")
  const latency =
    latencyUs === undefined ? "" : `   ${latencyUs.map((us) => Math.round(us)).join(" / ")} µs (p50 / p99 / p99.9)`
  const memory = residentBytes === undefined ? "" : `   ${(residentBytes.median / 1e6).toFixed(0)} MB resident`
  const others = Object.entries(besideUsPerEvent ?? {}).map(([other, us]) => `${other} ${us.median.toFixed(2)}`)
  const beside = others.length === 0 ? "" : `   beside it ${others.join(", ")} µs`
  return `${name.padEnd(width)}  ${cost.padStart(24)}  ${rate.padStart(12)}${latency}${memory}${beside}`
}

function ratioLine({ target, measured }: Ratio): string {
  const { of, to } = target
  const isRate = "rateAtLeast" in target
  const wanted = isRate ? `≥ ${target.rateAtLeast.toFixed(2)}` : `≤ ${target.atMost.toFixed(2)}`
  const label = `${of} / ${to}${isRate ? ", events/s" : ""}`
  if (measured === undefined) return `${label}: not measured (target ${wanted})`
  const { median, min, max } = measured
  const holds = isRate ? median >= target.rateAtLeast : median <= target.atMost
  const range = `${min.toFixed(2)}–${max.toFixed(2)}`
  return `${label}: ${median.toFixed(2)} (${range}; target ${wanted}: ${holds ? "holds" : "MISSED"})`
}
