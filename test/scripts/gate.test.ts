import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { stripVTControlCharacters } from "node:util"
import { closingLine, countBunTests, countCargoTests, runGate, type Stage, type Step } from "../../scripts/gate.ts"

function script(name: string, code: string, rest: Partial<Step> = {}): Step {
  return { name, command: [process.execPath, "-e", code], ...rest }
}

async function gate(...stages: readonly Stage[]) {
  const lines: string[] = []
  const count = await runGate(import.meta.dir, stages, (line: string) => lines.push(stripVTControlCharacters(line)))
  return { count, lines }
}

describe("runGate", () => {
  test("runs every step, whatever failed before it, and prints in full what failed", async () => {
    const { count, lines } = await gate(
      script("first", "console.log('hidden')"),
      script("second", "console.log('out'); console.error('err'); process.exit(3)"),
      script("third", ""),
    )
    expect(lines.map((line) => line.trim().split(/\s+/).slice(0, 2).join(" "))).toEqual([
      "ok first",
      "FAIL second",
      "ok third",
      expect.stringContaining("second:"),
    ])
    expect(lines[3]).toContain("(exit code 3)\nout\nerr\n")
    expect(lines.join("\n")).not.toContain("hidden")
    expect(count).toEqual({ passed: 0, failed: 1, skipped: 0 })
  })

  test("runs the steps of one stage side by side", async () => {
    // Each waits for what the other writes.
    const folder = mkdtempSync(join(tmpdir(), "spectacles-gate-"))
    const waits = (own: string, other: string) =>
      script(own, `require("fs").writeFileSync("${own}", ""); while (!require("fs").existsSync("${other}"));`, {
        cwd: relative(import.meta.dir, folder),
      })
    const { lines } = await gate([waits("one", "two"), waits("two", "one")])
    expect(lines.map((line) => line.trim().split(/\s+/).slice(0, 2).join(" ")).sort()).toEqual(["ok one", "ok two"])
    rmSync(folder, { recursive: true })
  })

  test("sums the tests of all steps", async () => {
    const { count } = await gate(
      script("bun", "console.log(' 3 pass\\n 0 fail\\n 2 skip')", { count: countBunTests }),
      script("cargo", "console.log('test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured')", {
        count: countCargoTests,
      }),
    )
    expect(closingLine(count)).toBe("7 passed, 0 failed, 3 skipped")
  })

  test("fails a step whose tests fail, even when it exits with 0", async () => {
    const { count, lines } = await gate(script("bun", "console.log(' 3 pass\\n 2 fail')", { count: countBunTests }))
    expect(count).toEqual({ passed: 3, failed: 2, skipped: 0 })
    expect(lines[0]).toStartWith("FAIL  bun")
  })

  test("says why a step is left out", async () => {
    const { count, lines } = await gate(script("native", "process.exit(1)", { skipped: "no Rust" }))
    expect(lines).toEqual([expect.stringMatching(/^skip {2}native +no Rust$/)])
    expect(count.failed).toBe(0)
  })
})

test("closingLine leaves out skipped tests when there are none", () => {
  expect(closingLine({ passed: 12, failed: 0, skipped: 0 })).toBe("12 passed, 0 failed")
})

test("countCargoTests adds up all test programs", () => {
  const output =
    "test result: ok. 4 passed; 0 failed; 1 ignored; 0\ntest result: FAILED. 2 passed; 3 failed; 0 ignored; 0\n"
  expect(countCargoTests(output)).toEqual({ passed: 6, failed: 3, skipped: 1 })
})
