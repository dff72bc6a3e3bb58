// `bun run ok`: the one gate. Format, lint, types, every test, the native codec's own checks and a short run of each
// benchmark. What continuous integration runs is this, by `bun run test`.

import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { closingLine, countBunTests, countCargoTests, runGate, type Stage, type Step } from "./gate.ts"

const ROOT = join(import.meta.dir, "..")
const BUN = process.execPath
const CARGO = Bun.which("cargo") ?? undefined

const noCargo = CARGO === undefined ? "Rust is not installed: the portable codec is tested alone" : undefined
const HOST = noCargo === undefined ? hostTarget() : ""

const INTEGRATION = readdirSync(join(ROOT, "test/integration")).map((name) => `integration/${name}`)
const OTHERS = readdirSync(join(ROOT, "test")).filter((name) => name !== "integration")

/** About half of what the integration tests take. */
function isAboutShards(path: string): boolean {
  return /\/(fleet|gateway|identify)/.test(path)
}

/** Bun's own 5 s also hold for a hook that starts servers, which takes longer while two others run beside it. */
const TEST_TIMEOUT_MS = 120_000

function tests(name: string, ...paths: readonly string[]): Step {
  const command = [
    BUN,
    "test",
    "--only-failures",
    `--timeout=${TEST_TIMEOUT_MS}`,
    ...paths.map((path) => `./test/${path}`),
  ]
  return { name, command, count: countBunTests }
}

function cargo(name: string, ...args: readonly string[]): Step {
  return { name, command: ["cargo", ...args], cwd: "native", skipped: noCargo ?? missingPart(args[0]) }
}

const STAGES: readonly Stage[] = [
  { name: "format and lint", command: [BUN, "x", "biome", "check", "--error-on-warnings", "."] },
  { name: "types", command: [BUN, "x", "tsc", "--noEmit"] },
  // A stale addon would be tested in place of the sources.
  { name: "native codec: build", command: [BUN, "scripts/build-native.ts"], skipped: noCargo },
  cargo("native codec: format", "fmt", "--check"),
  cargo("native codec: lint", "clippy", "--locked", "--all-targets", "--", "--deny", "warnings"),
  { ...cargo("native codec: tests", "test", "--locked"), count: countCargoTests },
  {
    ...cargo("native codec: SWAR tests", "test", "--locked", "--features", "swar"),
    count: countCargoTests,
  },
  {
    name: "native codec: sanitizer",
    command: ["cargo", "test", "--locked", "--no-default-features", "--target", HOST],
    cwd: "native",
    // Sanitizers are unstable, which RUSTC_BOOTSTRAP lets a stable Rust overlook. A folder of its own: with other flags
    // in the same one, cargo would build everything anew each time.
    env: { RUSTC_BOOTSTRAP: "1", RUSTFLAGS: "-Zsanitizer=address", CARGO_TARGET_DIR: "target/asan" },
    skipped: noCargo ?? missingSanitizer(HOST),
    count: countCargoTests,
  },
  // They wait for servers and clocks more than they work.
  [
    tests("tests: shards", ...INTEGRATION.filter(isAboutShards)),
    tests("tests: brokers and proxy", ...INTEGRATION.filter((path) => !isAboutShards(path))),
    tests("tests: all others", ...OTHERS),
  ],
  { name: "benchmarks, short", command: [BUN, "bench/run.ts", "--smoke"] },
]

const total = await runGate(ROOT, STAGES)
console.log(closingLine(total))
process.exitCode = total.failed === 0 ? 0 : 1

function runs(...command: readonly string[]): boolean {
  return Bun.spawnSync([...command], { stdout: "ignore", stderr: "ignore" }).exitCode === 0
}

/** Debian packages clippy and rustfmt apart from cargo. */
function missingPart(subcommand: string | undefined): string | undefined {
  if (subcommand !== "fmt" && subcommand !== "clippy") return undefined
  return runs("cargo", subcommand, "--version") ? undefined : `cargo ${subcommand} is not installed`
}

/** Rust's name for this machine; a sanitizer needs it said. */
function hostTarget(): string {
  return /^host: (.+)$/m.exec(rustc("--version", "--verbose"))?.[1] ?? ""
}

/** Rustup's Rust brings the sanitizer's runtime on most machines, a distribution's own often does not. */
function missingSanitizer(host: string): string | undefined {
  const folder = join(rustc("--print", "sysroot").trim(), "lib", "rustlib", host, "lib")
  const hasRuntime = existsSync(folder) && readdirSync(folder).some((file) => /^librustc.*_rt\.asan\./.test(file))
  return hasRuntime ? undefined : "this Rust has no AddressSanitizer: rustup's has"
}

function rustc(...args: readonly string[]): string {
  return Bun.spawnSync(["rustc", ...args], { cwd: join(ROOT, "native") }).stdout.toString()
}
