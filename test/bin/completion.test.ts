import { beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { completionScript, type Listed } from "../../src/bin/completion.ts"

const SPECTACLES = join(import.meta.dir, "../../src/bin/spectacles.ts")
const BASH = "/bin/bash"

let script: string
beforeAll(async () => {
  const child = Bun.spawn([process.execPath, SPECTACLES, "completion", "bash"], { stdout: "pipe", stderr: "inherit" })
  script = await child.stdout.text()
})

/** What bash offers for the last of these words. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const complete = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _spectacles; printf '%s\\n' "\${COMPREPLY[@]}"`
  const child = Bun.spawn([BASH, "--norc", "-c", complete, BASH, ...words], {
    cwd: join(import.meta.dir, "../.."),
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, complaint] = await Promise.all([child.stdout.text(), child.stderr.text()])
  expect(complaint).toBe("")
  return out.split("\n").filter(Boolean)
}

describe("completion in bash", () => {
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [["spectacles", "ga"], ["gateway"]],
    [["spectacles", "--v"], ["--version"]],
    [["spectacles", "gateway", "--ch"], ["--check"]],
    [["spectacles", "gateway", "--loglevel", "de"], ["debug"]],
    [["spectacles", "proxy", "--config", "package.j"], ["package.json"]],
    [["spectacles", "simulator", "--port", ""], []],
    [["spectacles", "completion", "z"], ["zsh"]],
    [["spectacles", "nonsense", "--"], []],
  ]
  test.each(cases)("offers for %j: %j", async (words, offers) => {
    expect(await offered(...words)).toEqual([...offers])
  })

  test("offers every command for nothing", async () => {
    const help = Bun.spawn([process.execPath, SPECTACLES, "--help"], { stdout: "pipe" })
    const commands = [...(await help.stdout.text()).matchAll(/^ {2}([a-z]+) {2}/gm)].map(([, name = ""]) => name)
    expect(await offered("spectacles", "")).toEqual([...commands, "--help", "--version"])
  })
})

describe("completionScript", () => {
  const listed: readonly Listed[] = [
    {
      summary: "makes the bot's [coffee]: hot",
      line: {
        name: "brew",
        about: "",
        flags: { size: { type: "string", value: "SIZE", help: "it's big", choices: ["small", "large"] } },
        examples: [],
      },
    },
  ]

  test("quotes texts as zsh wants them", () => {
    const text = completionScript("zsh", listed)
    expect(text).toContain("commands=('brew:makes the bot'\\''s \\[coffee\\]\\: hot')")
    expect(text).toContain("brew) _arguments '--size[it'\\''s big]:SIZE:(small large)' '--version[")
  })

  test("quotes texts as fish wants them", () => {
    const text = completionScript("fish", listed)
    expect(text).toContain("-a brew -d 'makes the bot\\'s [coffee]: hot'")
    expect(text).toContain("'__fish_seen_subcommand_from brew' -l size -x -a 'small large' -d 'it\\'s big'")
  })

  for (const shell of ["zsh", "fish"]) {
    test.skipIf(Bun.which(shell) === null)(`is one that ${shell} can read`, async () => {
      const child = Bun.spawn([process.execPath, SPECTACLES, "completion", shell], { stdout: "pipe" })
      const check = Bun.spawn([shell, "-n", "/dev/stdin"], { stdin: await child.stdout.bytes(), stderr: "pipe" })
      expect([await check.stderr.text(), await check.exited]).toEqual(["", 0])
    })
  }
})
