// Builds the native codec: `bun run build:native`. With `--optional`, as after `bun install`, a missing or failing
// Rust toolchain costs one line and no error, since the portable codec takes over.

import { createHash } from "node:crypto"
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const NATIVE = join(import.meta.dir, "..", "native")
const ADDON = join(NATIVE, "spectacles.node")
/** The hash of the sources that the addon was built from. */
const STAMP = join(NATIVE, "target", "spectacles.sha256")
const LIBRARY: Readonly<Record<string, string>> = {
  linux: "libspectacles_native.so",
  darwin: "libspectacles_native.dylib",
  win32: "spectacles_native.dll",
}

const optional = process.argv.includes("--optional")
/** What goes without the addon, said wherever it is not built. */
const COST = "Spectacles runs on the portable codec, which takes several times the CPU an event"

if (import.meta.main) {
  const problem = await build()
  if (problem !== undefined) {
    console.error(optional ? `${problem} ${COST}.` : problem)
    process.exitCode = optional ? 0 : 1
  }
}

/** Builds what is out of date; returns a sentence about what went wrong. */
async function build(): Promise<string | undefined> {
  const hash = sourceHash(`${process.platform} ${process.arch}`)
  if (existsSync(ADDON) && existsSync(STAMP) && readFileSync(STAMP, "utf8") === hash) {
    console.log("The native codec is up to date.")
    return undefined
  }
  const cargo = Bun.which("cargo")
  if (cargo === null) {
    return "Cannot build the native codec: cargo was not found. Install Rust (https://rustup.rs), then run `bun run build:native`."
  }
  const started = performance.now()
  const compiled = await compile(cargo)
  if (compiled !== undefined) return compiled
  install(hash)
  console.log(`The native codec is built (${((performance.now() - started) / 1000).toFixed(0)} s).`)
  return undefined
}

/** Cargo's output goes through as it comes, but is kept back in optional mode, where one line has to do. */
async function compile(cargo: string): Promise<string | undefined> {
  const child = Bun.spawn([cargo, "build", "--release", "--locked", ...(optional ? ["--quiet"] : [])], {
    cwd: NATIVE,
    stdin: "ignore",
    stdout: optional ? "ignore" : "inherit",
    stderr: optional ? "pipe" : "inherit",
  })
  const said = optional && child.stderr !== undefined ? await new Response(child.stderr).text() : ""
  const code = await child.exited
  if (code === 0) return undefined
  const first = said.split("\n").find((line) => line.startsWith("error")) ?? `cargo ended with code ${code}`
  return `Cannot build the native codec: ${first.trim()}. Run \`bun run build:native\` to see all of it.`
}

/** Puts the addon in its place in one step: another process may be loading or building it. */
function install(hash: string): void {
  const built = join(NATIVE, "target", "release", LIBRARY[process.platform] ?? "libspectacles_native.so")
  const fresh = join(NATIVE, `spectacles.${process.pid}.node`)
  try {
    copyFileSync(built, fresh)
    renameSync(fresh, ADDON)
  } finally {
    rmSync(fresh, { force: true })
  }
  writeFileSync(STAMP, hash)
}

/** Of what an addon for that machine is built from. */
export function sourceHash(machine: string): string {
  const hash = createHash("sha256").update(`${machine}\n`)
  const sources = readdirSync(join(NATIVE, "src")).map((file) => join("src", file))
  for (const file of ["Cargo.toml", "Cargo.lock", "build.rs", ...sources.sort()]) {
    hash.update(`${file}\n`).update(readFileSync(join(NATIVE, file)))
  }
  return hash.digest("hex")
}
