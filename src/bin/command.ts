// What every command shares: how it ends, how it is stopped, and what version it is.

import packageJson from "../../package.json"
import { loadCodec } from "../codec/load.ts"
import { ConfigError } from "../config/problem.ts"
import { OperatorError } from "../ops/operator-error.ts"
import { BUILD } from "./build.ts"
import { painter, wantsColour } from "./colour.ts"
import { type CommandLine, type Flags, helpText, type Reading, readArguments } from "./command-line.ts"

export const EXIT_OK = 0
export const EXIT_FAILED = 1
export const EXIT_SIGNALLED = 130
/** As of a program that SIGPIPE has ended. */
const EXIT_READER_LEFT = 141

/** A command: takes its arguments, resolves to its exit code. */
export type Command = (args: readonly string[]) => Promise<number>

export interface DescribedCommand extends Command {
  readonly line: CommandLine
}

/** Makes a command of its description and of what it does; `--help` and `--version` are answered here. */
export function command<F extends Flags>(
  line: CommandLine<F>,
  run: (reading: Reading<F>) => Promise<number>,
): DescribedCommand {
  const command: Command = async (args) => {
    const reading = readArguments(line, args)
    if (reading.flags.help !== true && reading.flags.version !== true) return run(reading)
    const paint = painter(wantsColour(process.stdout))
    process.stdout.write(reading.flags.help === true ? helpText(line, paint) : `${versionLine()}\n`)
    return EXIT_OK
  }
  return Object.assign(command, { line })
}

/** Runs a command to its end and exits. A mistake prints its sentence, a defect its stack. */
export async function runCommand(command: Command, args: readonly string[]): Promise<never> {
  try {
    process.exit(await command(args))
  } catch (error) {
    // Whoever reads standard output has seen enough, as `| head` does.
    if (error instanceof Error && "code" in error && error.code === "EPIPE") process.exit(EXIT_READER_LEFT)
    const expected = error instanceof OperatorError || error instanceof ConfigError
    process.stderr.write(`${expected ? error.message : describeDefect(error)}\n`)
    process.exit(EXIT_FAILED)
  }
}

/** Aborts on the first SIGINT or SIGTERM; the second exits at once. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(EXIT_SIGNALLED)
    stop.abort()
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
  return stop.signal
}

/** `spectacles 0.1.0 (commit 5de1944, linux-x64, Bun 1.4.5, codec: native 0.1.0 (sse2))` */
export function versionLine(): string {
  const built = BUILD === undefined ? "from its sources" : `commit ${BUILD.commit ?? "unknown"}, ${BUILD.target}`
  return `spectacles ${packageJson.version} (${built}, Bun ${Bun.version}, codec: ${loadCodec("auto").description})`
}

/** How this program is called, for hints: in a checkout of its sources by a script of package.json. */
export function callOf(command: string): string {
  const isCheckout = BUILD === undefined && !import.meta.dir.includes("node_modules")
  return isCheckout ? `bun run ${command}` : `spectacles ${command}`
}

function describeDefect(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
