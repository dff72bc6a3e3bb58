// Builds the library into dist/library/: `bun run build:client`. Plain ES modules with their types, a file for each source, as
// TypeScript writes them; types of Node alone are in scope, so that a use of Bun's API is an error.

import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const ROOT = join(import.meta.dir, "..")
export const LIBRARY = join(ROOT, "dist/library")
/** The hash of the sources that the library was built from. */
const STAMP = ".sources.sha256"

if (import.meta.main) await buildClient()

/**
 * Builds what is out of date.
 * @throws Error with what TypeScript said.
 */
export async function buildClient(): Promise<void> {
  const hash = await sourceHash()
  const stamp = join(LIBRARY, STAMP)
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return
  const fresh = join(ROOT, ".cache", `client.${process.pid}`)
  try {
    await compile(fresh)
    await renameTypeImports(fresh)
    writeFileSync(join(fresh, STAMP), hash)
    rmSync(LIBRARY, { recursive: true, force: true })
    mkdirSync(dirname(LIBRARY), { recursive: true })
    renameSync(fresh, LIBRARY)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

async function compile(folder: string): Promise<void> {
  const command = [process.execPath, "x", "tsc", "--project", "scripts/build-client.json", "--outDir", folder]
  const child = Bun.spawn(command, { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "inherit" })
  const [said, code] = await Promise.all([child.stdout.text(), child.exited])
  if (code !== 0) throw new Error(`Cannot build the library:\n${said}`)
}

/** TypeScript rewrites `./x.ts` in modules and leaves it in types, where only other TypeScript can follow it. */
async function renameTypeImports(folder: string): Promise<void> {
  for await (const file of new Bun.Glob("**/*.d.ts").scan({ cwd: folder, absolute: true })) {
    const text = readFileSync(file, "utf8")
    writeFileSync(file, text.replace(/((?:from |import\()")(\.[^"]+)\.ts"/g, '$1$2.js"'))
  }
}

/** Over all of src: what the library imports is not worth finding out. */
async function sourceHash(): Promise<string> {
  const hash = createHash("sha256")
  const sources = await Array.fromAsync(new Bun.Glob("src/**/*.ts").scan({ cwd: ROOT }))
  for (const file of ["tsconfig.json", "scripts/build-client.json", "scripts/build-client.ts", ...sources.sort()]) {
    hash.update(`${file}\n`).update(readFileSync(join(ROOT, file)))
  }
  return hash.digest("hex")
}
