// What a benchmark file exports: `export const benchmark: Benchmark`. bench/run.ts runs it, each trial in a process of its own.

export interface Benchmark {
  /** What it answers, as a question. */
  readonly question: string
  readonly cases: readonly (BenchmarkCase | CasesInTurns)[]
  /** What must hold between two cases of the same run. */
  readonly ratios?: readonly RatioTarget[]
}

export interface BenchmarkCase {
  readonly name: string
  /** Why it cannot run here, where it cannot. */
  skipped?(): string | undefined
  /** Runs one trial, warm-up included. `smoke`: only shows that it works. */
  run(options: { readonly smoke: boolean }): Sample | Promise<Sample>
}

/** Cases that take short turns within one trial: whatever else the machine does meanwhile falls on all of them alike. */
export interface CasesInTurns {
  readonly names: readonly string[]
  skipped?(): string | undefined
  /** @returns a sample for each name, in their order. */
  run(options: { readonly smoke: boolean }): Promise<readonly Sample[]>
}

/** What one trial measured. */
export interface Sample {
  readonly events: number
  readonly cpuUs: number
  readonly wallUs: number
  /** CPU time of processes that are not measured but share the machine, by their name. */
  readonly besideUs?: Readonly<Record<string, number>>
  /** From the sender to the reader: the median, 99 %, 99.9 %. */
  readonly latencyUs?: readonly [number, number, number]
  /** Of the process that was measured, when it was at rest. */
  readonly residentBytes?: number
}

/** One case over another: `atMost` in CPU time an event, `rateAtLeast` in events a second. */
export type RatioTarget = { readonly of: string; readonly to: string } & (
  | { readonly atMost: number }
  | { readonly rateAtLeast: number }
)

/** Measures `work`, which returns how many events it did. */
export async function measure(work: () => number | Promise<number>): Promise<Sample> {
  const cpu = process.cpuUsage()
  const started = performance.now()
  const events = await work()
  const wallUs = (performance.now() - started) * 1000
  const { user, system } = process.cpuUsage(cpu)
  return { events, cpuUs: user + system, wallUs }
}
