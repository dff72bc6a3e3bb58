// The gate: steps that run one after the other, or some of them side by side, each a process of its own. Every step runs,
// whatever failed before it; what failed is printed in full.

import { styleText } from "node:util"

export interface Step {
  readonly name: string
  readonly command: readonly string[]
  /** A folder of the project. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Why the step cannot run on this machine; undefined when it can. */
  readonly skipped?: string | undefined
  /** How many tests the step's output speaks of. */
  readonly count?: (output: string) => Count
}

export interface Count {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** One step, or several side by side: those that wait more than they work. */
export type Stage = Step | readonly Step[]

/** A step that takes longer is killed and has failed. */
const STEP_TIMEOUT_MS = 20 * 60_000

const NOTHING: Count = { passed: 0, failed: 0, skipped: 0 }

/**
 * Runs the stages in order and prints a line for each step.
 * @returns the tests of all steps; a failed step without tests counts as one failed.
 */
export async function runGate(root: string, stages: readonly Stage[], print = console.log): Promise<Count> {
  let total = NOTHING
  const failures: string[] = []
  const run = async (step: Step) => {
    if (step.skipped !== undefined) {
      print(`${styleText("yellow", "skip")}  ${step.name.padEnd(28)} ${step.skipped}`)
      return
    }
    const { count, failure, seconds } = await runStep(root, step)
    const verdict = failure === undefined ? styleText("green", "ok  ") : styleText("red", "FAIL")
    print(
      `${verdict}  ${step.name.padEnd(28)} ${seconds.toFixed(1).padStart(6)} s${step.count === undefined ? "" : `   ${closingLine(count)}`}`,
    )
    total = sum(total, count)
    if (failure !== undefined) failures.push(failure)
  }
  for (const stage of stages) await Promise.all([stage].flat().map(run))
  for (const failure of failures) print(failure)
  return total
}

/** The line that ends a run, alone: `12 passed, 0 failed, 1 skipped`. */
export function closingLine({ passed, failed, skipped }: Count): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`
}

/** What `bun test` says at its end. */
export function countBunTests(output: string): Count {
  return {
    passed: tally(output, /^ *(\d+) pass$/gm),
    failed: tally(output, /^ *(\d+) fail$/gm),
    skipped: bunSkips(output),
  }
}

function bunSkips(output: string): number {
  return tally(output, /^ *(\d+) skip$/gm) + tally(output, /^ *(\d+) todo$/gm)
}

/** What `cargo test` says after each of its test programs. */
export function countCargoTests(output: string): Count {
  return {
    passed: tally(output, /^test result: .*?(\d+) passed;/gm),
    failed: tally(output, /^test result: .*?(\d+) failed;/gm),
    skipped: tally(output, /^test result: .*?(\d+) ignored;/gm),
  }
}

function tally(output: string, pattern: RegExp): number {
  return [...output.matchAll(pattern)].reduce((total, [, digits]) => total + Number(digits), 0)
}

interface Outcome {
  readonly count: Count
  /** The step's whole output, when it failed. */
  readonly failure?: string
  readonly seconds: number
}

async function runStep(
  root: string,
  { name, command, cwd = ".", env = {}, count = () => NOTHING }: Step,
): Promise<Outcome> {
  const startedMs = performance.now()
  const child = Bun.spawn([...command], {
    cwd: `${root}/${cwd}`,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: STEP_TIMEOUT_MS,
    killSignal: "SIGKILL",
  })
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), child.exited])
  const output = `${out}${err}`
  const seconds = (performance.now() - startedMs) / 1_000
  const counted = count(output)
  if (code === 0 && counted.failed === 0) return { count: counted, seconds }
  const ended = child.signalCode === null ? `exit code ${code}` : `killed by ${child.signalCode}`
  const failure = `\n${styleText("red", `${name}: ${command.join(" ")} (${ended})`)}\n${output.trimEnd()}\n`
  return { count: { ...counted, failed: Math.max(1, counted.failed) }, failure, seconds }
}

function text(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream).text()
}

function sum(a: Count, b: Count): Count {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }
}
