// Builds the native codec for other Linux machines: `bun run build:cross NAME…`, after which `bun run build --target NAME` embeds
// it. Links with zig, which knows every machine's C library, where cargo-zigbuild is installed; else with what cargo has.

import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { sourceHash } from "./build-native.ts"
import { TARGETS, type Target, targetNamed } from "./targets.ts"

const NATIVE = join(import.meta.dir, "..", "native")

if (import.meta.main) process.exitCode = await main(process.argv.slice(2)).catch(sayWhy)

async function main(names: readonly string[]): Promise<number> {
  if (names.length === 0) {
    console.error(
      `Cannot build the native codec: name the machines, of ${TARGETS.flatMap(({ name, rust }) => (rust === undefined ? [] : [name])).join(", ")}.`,
    )
    return 1
  }
  const problems: string[] = []
  for (const target of names.map(targetNamed)) {
    const problem = await buildFor(target)
    console.log(problem ?? `${addonPath(target)} is built.`)
    if (problem !== undefined) problems.push(problem)
  }
  return problems.length === 0 ? 0 : 1
}

/** A mistake on the command line, or what a tool said. */
export function sayWhy(error: unknown): number {
  console.error(error instanceof Error ? error.message : String(error))
  return 1
}

/** The addon for that machine, if it was built from the sources as they are. */
export function crossBuilt(target: Target): string | undefined {
  const addon = addonPath(target)
  const isFresh = existsSync(stampPath(target)) && readFileSync(stampPath(target), "utf8") === sourceHash(target.name)
  return isFresh && existsSync(addon) ? addon : undefined
}

/** @returns a sentence about what went wrong. */
async function buildFor(target: Target): Promise<string | undefined> {
  const { name, rust } = target
  if (rust === undefined) {
    return `Cannot build the native codec for ${name} here, for want of its system's libraries: run \`bun run build\` on such a machine.`
  }
  const hash = sourceHash(name)
  const zig = Bun.which("cargo-zigbuild") !== null
  const command = ["cargo", zig ? "zigbuild" : "build", "--release", "--locked", "--target", rust]
  const child = Bun.spawn(command, {
    cwd: NATIVE,
    env: environmentFor(name, zig ? {} : debianLinker(name, rust)),
    stdio: ["ignore", "inherit", "inherit"],
  })
  if ((await child.exited) !== 0) {
    const linker = zig ? "" : ", and pip install cargo-zigbuild, or have a linker for it"
    return `Cannot build the native codec for ${name}: see above; it needs rustup target add ${rust}${linker}.`
  }
  copyFileSync(join(NATIVE, "target", rust, "release", "libspectacles_native.so"), addonPath(target))
  writeFileSync(stampPath(target), hash)
  return undefined
}

function environmentFor(name: string, linker: Readonly<Record<string, string>>): Record<string, string | undefined> {
  // An addon shares the C library of the executable that loads it.
  const flags = name.endsWith("musl") ? { RUSTFLAGS: "-Ctarget-feature=-crt-static" } : {}
  return { ...linker, ...process.env, ...flags }
}

/** Debian's cross compiler; zig brings its own. */
function debianLinker(name: string, rust: string): Readonly<Record<string, string>> {
  if (name !== "linux-arm64") return {}
  return { [`CARGO_TARGET_${rust.toUpperCase().replaceAll("-", "_")}_LINKER`]: "aarch64-linux-gnu-gcc" }
}

function addonPath({ name }: Target): string {
  return join(NATIVE, `spectacles.${name}.node`)
}

function stampPath({ name }: Target): string {
  return join(NATIVE, "target", `spectacles.${name}.sha256`)
}
