// Builds the executable: `bun run build` makes dist/spectacles for this machine, `bun run build --target NAME` one for
// another. Bun fetches its own binary for that machine from npm. The native codec is embedded where an addon was built for
// the target; where none was, the executable runs on the portable codec, and its --version says so.

import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { parseArgs } from "node:util"
import { crossBuilt, sayWhy } from "./build-cross.ts"
import { hostTarget, TARGETS, type Target, targetNamed } from "./targets.ts"

const ROOT = join(import.meta.dir, "..")
const DIST = join(ROOT, "dist")
const ENTRY = join(ROOT, "src/bin/spectacles.ts")

const HELP = `Usage: bun run build [--target NAME]… [--outfile FILE]

  --target NAME    for another machine: ${TARGETS.map(({ name }) => name).join(", ")}, or all of them: all
  --outfile FILE   instead of dist/spectacles, or dist/spectacles-NAME with --target
  --no-native      with the portable codec alone
`

if (import.meta.main) process.exitCode = await main(process.argv.slice(2)).catch(sayWhy)

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      target: { type: "string", multiple: true, default: [] },
      outfile: { type: "string" },
      "no-native": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const targets = values.target.includes("all") ? TARGETS : values.target.map(targetNamed)
  const native = !values["no-native"]
  if (targets.length === 0) {
    await report(hostTarget(), { native, outfile: values.outfile ?? join(DIST, executableName("spectacles")) })
  }
  for (const target of targets) {
    await report(target, {
      native,
      outfile: values.outfile ?? join(DIST, executableName(`spectacles-${target.name}`, target)),
    })
  }
  return 0
}

function executableName(name: string, { name: target } = hostTarget()): string {
  return target.startsWith("windows") ? `${name}.exe` : name
}

async function report(target: Target, options: BuildOptions): Promise<void> {
  const startedMs = performance.now()
  const { addon } = await buildExecutable(target, options)
  const codec = addon === undefined ? "portable codec alone" : "native codec embedded"
  const megabytes = (statSync(options.outfile).size / 1e6).toFixed(0)
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
  console.log(`${options.outfile}  ${target.name}, ${codec}, ${megabytes} MB, ${seconds} s`)
}

export interface BuildOptions {
  readonly outfile: string
  /** Whether the native codec goes in where it can. */
  readonly native: boolean
}

/**
 * Builds one executable.
 * @returns the addon that is in it, undefined when none is.
 * @throws Error with what Bun said.
 */
export async function buildExecutable(
  target: Target,
  { outfile, native }: BuildOptions,
): Promise<{ readonly addon: string | undefined }> {
  const addon = native ? await addonFor(target) : undefined
  mkdirSync(dirname(outfile), { recursive: true })
  // Put in place in one step, as it may be running; and Bun leaves source maps beside it, which are inside as well.
  const folder = mkdtempSync(join(dirname(outfile), ".building-"))
  // Bun gives a program for Windows this ending, asked for or not.
  const fresh = join(folder, target.name.startsWith("windows") ? "spectacles.exe" : basename(outfile))
  try {
    await compile(target, fresh, addon)
    renameSync(fresh, outfile)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return { addon }
}

async function compile(target: Target, outfile: string, addon: string | undefined): Promise<void> {
  const { success, logs } = await Bun.build({
    entrypoints: [ENTRY],
    compile: { target: target.bun, outfile, autoloadBunfig: false },
    // A file for each command, compiled ahead of time: what is not called is not loaded, what is called need not be parsed.
    format: "esm",
    splitting: true,
    bytecode: true,
    minify: { syntax: true, whitespace: true },
    // A defect's stack names our files and lines.
    sourcemap: "linked",
    define: { SPECTACLES_BUILD: JSON.stringify({ commit: commit(), target: target.name }) },
    plugins: [embedding(addon)],
  })
  if (!success) throw new Error(`Cannot build for ${target.name}:\n${logs.join("\n")}`)
}

/** Which files go in under names that the sources import. */
function embedding(addon: string | undefined): Bun.BunPlugin {
  return {
    name: "spectacles",
    setup(build) {
      build.onResolve({ filter: /\/native\/spectacles\.node$/ }, () =>
        addon === undefined ? { path: "addon", namespace: "missing" } : { path: addon },
      )
      build.onLoad({ filter: /.*/, namespace: "missing" }, () => ({
        contents: `throw new Error("this executable was built without it")`,
        loader: "js",
      }))
      // Else msgpackr would look for an addon of its own in the folder that this executable was built in.
      build.onResolve({ filter: /^msgpackr$/ }, () => ({ path: join(ROOT, "node_modules/msgpackr/index.js") }))
    },
  }
}

/** The native codec for that machine; undefined when there is none. This machine's own is built when it is out of date. */
async function addonFor(target: Target): Promise<string | undefined> {
  if (target.name !== hostTarget().name) return crossBuilt(target)
  const child = Bun.spawn([process.execPath, "scripts/build-native.ts", "--optional"], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  })
  await child.exited
  const addon = join(ROOT, "native/spectacles.node")
  return existsSync(addon) ? addon : undefined
}

/** The commit's short hash, `+` behind it when tracked files have changed since. In an image's build: SPECTACLES_COMMIT. */
function commit(): string | null {
  const said = process.env["SPECTACLES_COMMIT"]
  if (said !== undefined && said !== "") return said
  if (Bun.which("git") === null) return null
  const described = Bun.spawnSync(["git", "describe", "--always", "--exclude=*", "--dirty=+"], { cwd: ROOT })
  return described.success ? described.stdout.toString().trim() : null
}
