// `bun run bench [name…] [--rounds N] [--smoke]`: runs bench/NAME.ts, all of them without a name. Every trial is a process
// of its own, the cases take turns (A B A B), and a row is the median of the rounds. Results also go to bench/results/.

import { mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { Benchmark, BenchmarkCase, CasesInTurns, Sample } from "./benchmark.ts"
import { printReport, type Report, ratioOf, rowOf } from "./report.ts"

const DEFAULT_ROUNDS = 5
/** One that takes longer hangs. */
const TRIAL_WITHIN_MS = 15 * 60_000
const SMOKE_WITHIN_MS = 3 * 60_000
const RESULTS = join(import.meta.dir, "results")
/** Files that are not benchmarks. */
const PARTS = ["benchmark.ts", "report.ts", "run.ts"]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string" }, smoke: { type: "boolean", default: false }, trial: { type: "string" } },
})
const { smoke, trial } = values

if (trial !== undefined) await runTrial(positionals[0] ?? "", trial)
else for (const name of positionals.length > 0 ? positionals : allNames()) await runBenchmark(name)

function allNames(): string[] {
  const files = readdirSync(import.meta.dir).filter((file) => file.endsWith(".ts") && !PARTS.includes(file))
  return files.map((file) => file.slice(0, -".ts".length)).sort()
}

async function load(name: string): Promise<Benchmark> {
  const file = join(import.meta.dir, `${name}.ts`)
  if (!allNames().includes(name)) {
    console.error(`Cannot run benchmark ${name}: there is ${allNames().join(", ")}.`)
    process.exit(1)
  }
  const module = (await import(file)) as { readonly benchmark: Benchmark }
  return module.benchmark
}

/** In the trial's own process: its samples as JSON on the last line. */
async function runTrial(name: string, caseName: string): Promise<void> {
  const benchmark = await load(name)
  const found = benchmark.cases.find((candidate) => namesOf(candidate).includes(caseName))
  if (found === undefined) throw new Error(`Benchmark ${name} has no case ${caseName}.`)
  const samples = "names" in found ? await found.run({ smoke }) : [await found.run({ smoke })]
  console.log(JSON.stringify(samples))
}

function namesOf(one: BenchmarkCase | CasesInTurns): readonly string[] {
  return "names" in one ? one.names : [one.name]
}

async function runBenchmark(name: string): Promise<void> {
  const benchmark = await load(name)
  const rounds = smoke ? 1 : Number(values.rounds ?? DEFAULT_ROUNDS)
  const runnable = benchmark.cases.filter((candidate) => candidate.skipped?.() === undefined)
  const samples = new Map<string, Sample[]>(runnable.flatMap(namesOf).map((caseName) => [caseName, []]))
  for (let round = 0; round < rounds; round++) {
    for (const names of runnable.map(namesOf)) {
      const trial = await spawnTrial(name, names[0] ?? "")
      for (const [index, sample] of trial.entries()) samples.get(names[index] ?? "")?.push(sample)
    }
  }
  const report: Report = {
    benchmark: name,
    question: benchmark.question,
    at: new Date().toISOString(),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, Bun ${Bun.version}`,
    rounds,
    rows: benchmark.cases.flatMap((candidate) =>
      namesOf(candidate).map((caseName) => rowOf(caseName, samples.get(caseName) ?? [], candidate.skipped?.())),
    ),
    ratios: (benchmark.ratios ?? []).map((target) => ratioOf(target, samples)),
  }
  if (smoke) {
    // One short trial each: it shows that the benchmark works, and measures nothing.
    for (const { name: caseName, skipped } of report.rows) {
      console.log(`${name}: ${caseName} ${skipped === undefined ? "works" : `skipped: ${skipped}`}`)
    }
    return
  }
  printReport(report)
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(report, null, 2)}\n`)
}

async function spawnTrial(name: string, caseName: string): Promise<readonly Sample[]> {
  const command = [process.execPath, import.meta.path, name, "--trial", caseName, ...(smoke ? ["--smoke"] : [])]
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" })
  const withinMs = smoke ? SMOKE_WITHIN_MS : TRIAL_WITHIN_MS
  const timer = setTimeout(() => child.kill("SIGKILL"), withinMs)
  const lines = (await new Response(child.stdout).text()).trimEnd().split("\n")
  const code = await child.exited
  clearTimeout(timer)
  if (child.signalCode === "SIGKILL")
    throw new Error(`Cannot measure ${caseName}: it was not done within ${withinMs / 60_000} minutes.`)
  if (code !== 0) throw new Error(`Cannot measure ${caseName}: its process ended with ${code}.`)
  return JSON.parse(lines.at(-1) ?? "") as readonly Sample[]
}
