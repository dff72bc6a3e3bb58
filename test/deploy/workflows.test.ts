// The workflows of GitHub: what they run exists here, and no action may change under them. Where actionlint is installed, it
// reads them too.

import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import packageJson from "../../package.json"
import { TARGETS } from "../../scripts/targets.ts"

const ROOT = join(import.meta.dir, "../..")
const GITHUB = join(ROOT, ".github")
const read = (file: string) => readFileSync(join(GITHUB, file), "utf8")
const files = readdirSync(join(GITHUB, "workflows"))
const texts = files.map((file) => read(join("workflows", file)))

describe("workflows", () => {
  test("use actions by the hash of a commit, which nobody can move", () => {
    const used = texts.flatMap((text) => [...text.matchAll(/uses: (\S+)(.*)/g)])
    const loose = used.filter(([, action = "", version = ""]) => {
      return !action.startsWith("./") && !(/@[0-9a-f]{40}$/.test(action) && /^ # v\d/.test(version))
    })
    expect(loose.map(([line]) => line)).toEqual([])
  })

  test("may write nothing unless a job says so", () => {
    expect(texts.filter((text) => !text.includes("\npermissions:\n  contents: read\n"))).toEqual([])
  })

  test("run commands and build targets that exist", () => {
    const scripts = texts.flatMap((text) => [...text.matchAll(/bun run ([\w:]+)/g)]).map(([, name = ""]) => name)
    expect(scripts.filter((name) => !Object.hasOwn(packageJson.scripts, name))).toEqual([])
    const targets = [...read("workflows/release.yml").matchAll(/\{ target: ([\w-]+),/g)].map(([, name]) => name)
    expect(targets).not.toEqual([])
    expect(targets.filter((name) => !TARGETS.some((target) => target.name === name))).toEqual([])
    expect(existsSync(join(ROOT, ".ci/run"))).toBe(true)
  })
})

test("issue forms ask for what a report needs, each field once", () => {
  const form = z.object({
    name: z.string(),
    description: z.string(),
    body: z.array(z.object({ type: z.enum(["markdown", "textarea", "input"]), id: z.string().optional() })),
  })
  for (const file of ["bug.yml", "idea.yml"]) {
    const { body } = form.parse(Bun.YAML.parse(read(join("ISSUE_TEMPLATE", file))))
    const ids = body.filter(({ type }) => type !== "markdown").map(({ id }) => id)
    expect(ids).not.toContain(undefined)
    expect(new Set(ids).size).toBe(ids.length)
  }
})

const ACTIONLINT = Bun.which("actionlint")
test.skipIf(ACTIONLINT === null)("actionlint has nothing to say", () => {
  const { exitCode, stdout } = Bun.spawnSync([ACTIONLINT ?? ""], { cwd: ROOT })
  expect({ exitCode, said: stdout.toString() }).toEqual({ exitCode: 0, said: "" })
})
