// The style that can be checked by a machine: who may import whom, and what a file must and must not have.
// Reads the files that git tracks, and those that it would.

import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync, statSync } from "node:fs"
import { dirname, join, relative } from "node:path"

const ROOT = join(import.meta.dir, "..")
const MAX_LINES = 300
const FORBIDDEN_WORDS = new Set(["util", "utils", "helper", "helpers", "common", "manager", "misc"])

/** Folders of src, the highest first. A folder may import those below it, never one beside it. */
const LEVELS: readonly (readonly string[])[] = [
  ["bin"],
  ["gateway", "proxy", "simulator", "client"],
  ["brokers"],
  ["codec", "config", "ops"],
  ["discord", "flow"],
]
/** All that brokers may know of the codec: how a batch of events lies in memory. */
const CODEC_FOR_BROKERS = ["src/codec/batch.ts", "src/codec/encoding.ts"]
/** Tests of these are about more than one file of src. */
const TESTS_WITHOUT_A_SOURCE = ["contract", "deploy", "docs", "fixtures", "integration", "interop"]
/** Names of tests that are about their whole folder. */
const TESTS_OF_A_FOLDER = ["contract", "differential", "process", "simulation"]
/** Written for tests, ours and those of users: no command needs it. */
const FOR_TESTS = ["src/brokers/memory/broker.ts"]

const FILES = projectFiles()
const TYPESCRIPT = FILES.filter((file) => file.endsWith(".ts"))
const SOURCES = TYPESCRIPT.filter((file) => file.startsWith("src/"))
/** What the style holds for, beside src. */
const CODE = FILES.filter((file) => /^(src|bench|scripts|examples)\/.*\.ts$|^native\/.*\.rs$/.test(file))
const IMPORTS = new Map(TYPESCRIPT.map((file) => [file, importsOf(file)]))

describe("imports", () => {
  test("go one way: bin, then services, then brokers, then codec, config and ops, then discord and flow", () => {
    const wrong = SOURCES.flatMap((file) => relativeImports(file).map((target) => arrowFault(file, target)))
    expect(wrong.filter((fault) => fault !== undefined)).toEqual([])
  })

  test("stay inside the project", () => {
    const wrong = TYPESCRIPT.flatMap((file) =>
      relativeImports(file)
        .filter((target) => target.startsWith(".."))
        .map((target) => `${file} imports ${target}`),
    )
    expect(wrong).toEqual([])
  })

  test("of src stay in src", () => {
    const wrong = SOURCES.flatMap((file) => relativeImports(file).map((target) => [file, target] as const))
      .filter(([, target]) => !target.startsWith("src/") && target !== "package.json")
      .map(([file, target]) => `${file} imports ${target}`)
    expect(wrong.filter((fault) => !fault.includes("native/spectacles.node"))).toEqual([])
  })

  test("keep the adapters of a port apart", () => {
    const adapter = /^src\/(?:brokers|codec)\/[^/]+\//
    const wrong = SOURCES.flatMap((file) => relativeImports(file).map((target) => [file, target] as const))
      .map(([file, target]) => [file, target, adapter.exec(file)?.[0], adapter.exec(target)?.[0]] as const)
      .filter(([, , from, to]) => from !== undefined && to !== undefined && from !== to)
      .map(([file, target]) => `${file} imports ${target}`)
    expect(wrong).toEqual([])
  })

  test("make no circle", () => {
    expect(circles()).toEqual([])
  })

  test("reach every file of src from an entry point", () => {
    const reached = new Set<string>()
    const waiting = entryPoints()
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      if (reached.has(file)) continue
      reached.add(file)
      waiting.push(...relativeImports(file))
    }
    expect(SOURCES.filter((file) => !reached.has(file))).toEqual([])
  })
})

describe("files", () => {
  test("say at their top what they are for", () => {
    const start = /^(#!.*\n)?(\/\/|\/\*\*?) *\S|^\/\/! *\S/
    expect(CODE.filter((file) => !start.test(read(file)))).toEqual([])
  })

  test(`are at most ${MAX_LINES} lines long, or say why not`, () => {
    const long = CODE.filter((file) => read(file).split("\n").length - 1 > MAX_LINES)
    expect(long.filter((file) => !headerOf(file).includes("Long because"))).toEqual([])
  })

  test("are named by the domain", () => {
    const wrong = FILES.filter((file) => file.split(/[/.-]/).some((word) => FORBIDDEN_WORDS.has(word.toLowerCase())))
    expect(wrong).toEqual([])
  })

  test("have no banner comments", () => {
    const banner = /^\s*(\/\/|\/\*|#)[\s*/]*[-=*#_~]{4,}/m
    expect([...CODE, ...TYPESCRIPT].filter((file) => banner.test(read(file)))).toEqual([])
  })

  test("read arguments, environment and signals, and exit, in src/bin alone", () => {
    const outside = /\bprocess\.(env|argv|exit|exitCode|on|once|kill)\b|\b(Bun|import\.meta)\.(env|argv)\b/
    const wrong = SOURCES.filter((file) => !file.startsWith("src/bin/") && outside.test(withoutComments(read(file))))
    expect(wrong).toEqual([])
  })

  test("name no path outside the project", () => {
    const texts = FILES.filter((file) => /\.(md|json|toml|ya?ml)$|^\.ci\//.test(file))
    const wrong = texts.flatMap((file) =>
      [...read(file).matchAll(/(?:\.\.\/)+[\w.-]+/g)]
        .filter(([path]) => relative(ROOT, join(ROOT, dirname(file), path)).startsWith(".."))
        .map(([path]) => `${file} names ${path}`),
    )
    expect(wrong).toEqual([])
  })
})

describe("tests", () => {
  test("mirror the source: test/gateway/fleet.test.ts is about src/gateway/fleet.ts, or about the folder", () => {
    const wrong = TYPESCRIPT.filter((file) => {
      const [, folder = "", stem = ""] = /^test\/(.+\/)([^/.]+)[^/]*\.test\.ts$/.exec(file) ?? []
      if (folder === "" || TESTS_WITHOUT_A_SOURCE.includes(folder.split("/")[0] ?? "")) return false
      if (TESTS_OF_A_FOLDER.includes(stem)) return !existsSync(join(ROOT, "src", folder))
      return !["src/", ""].some(
        (root) => existsSync(join(ROOT, root, folder, stem)) || existsSync(join(ROOT, root, folder, `${stem}.ts`)),
      )
    })
    expect(wrong).toEqual([])
  })
})

function projectFiles(): string[] {
  const listed = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], { cwd: ROOT })
  const files = listed.stdout.toString().split("\n").filter(Boolean)
  if (files.length === 0) throw new Error(`git lists no files: ${listed.stderr}`)
  return files.filter((file) => existsSync(join(ROOT, file)) && statSync(join(ROOT, file)).isFile())
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8")
}

/** The comment at the top. */
function headerOf(file: string): string {
  return /^(#!.*\n)?((\/\/.*\n)+|\/\*[\s\S]*?\*\/)/.exec(read(file))?.[0] ?? ""
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*/g, "$1")
}

/** Specifiers of imports, re-exports, and of files that are started as a process or worker. */
function importsOf(file: string): readonly string[] {
  const code = withoutComments(read(file))
  const patterns = [
    /^\s*(?:import|export)\b[^"'`;]*?\bfrom\s+"([^"]+)"/gm,
    /^\s*import\s+"([^"]+)"/gm,
    /\bimport\(\s*"([^"]+)"\s*\)/g,
    /\bnew URL\(\s*"([^"]+)",\s*import\.meta\.url\s*\)/g,
    /\bimport\.meta\.resolve\(\s*"([^"]+)"\s*\)/g,
  ]
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map(([, specifier = ""]) => specifier))
}

/** The files of the project that a file imports, from the root. */
function relativeImports(file: string): string[] {
  return (IMPORTS.get(file) ?? []).filter((one) => one.startsWith(".")).map((one) => join(dirname(file), one))
}

function folderOf(file: string): string {
  return file.split("/")[1] ?? ""
}

function levelOf(file: string): number {
  return LEVELS.findIndex((folders) => folders.includes(folderOf(file)))
}

function arrowFault(file: string, target: string): string | undefined {
  if (!target.startsWith("src/") || folderOf(file) === folderOf(target)) return undefined
  const arrow = `${file} imports ${target}`
  if (levelOf(file) === -1 || levelOf(target) === -1) return `${arrow}: a folder without a level`
  if (levelOf(target) <= levelOf(file)) return arrow
  const isTooMuchCodec = folderOf(file) === "brokers" && folderOf(target) === "codec"
  return isTooMuchCodec && !CODEC_FOR_BROKERS.includes(target) ? arrow : undefined
}

/** Commands, benchmarks and examples, and what package.json gives to importers. */
function entryPoints(): string[] {
  const commands = TYPESCRIPT.filter((file) => /^(src\/bin|bench|examples)\//.test(file))
  const published = [...read("package.json").matchAll(/"(?:\.\/)?(src\/[^"]+\.ts)"/g)].map(([, file = ""]) => file)
  return [...commands, ...published, ...FOR_TESTS]
}

/** Every circle of imports in src, once, as `a → b → a`. */
function circles(): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]) => {
    const start = trail.indexOf(file)
    if (start !== -1) found.push([...trail.slice(start), file].join(" → "))
    if (start !== -1 || done.has(file)) return
    for (const target of relativeImports(file)) visit(target, [...trail, file])
    done.add(file)
  }
  for (const file of SOURCES) visit(file, [])
  return found
}
