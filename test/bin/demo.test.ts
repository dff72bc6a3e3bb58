// The demo as a new user runs it: a process of its own, with nothing set.

import { afterEach, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

const DEMO = join(import.meta.dir, "../../src/bin/demo.ts")
const TIMEOUT_MS = 120_000

let folder: string | undefined
let demo: Bun.Subprocess<"ignore", "pipe", "pipe"> | undefined

afterEach(async () => {
  demo?.kill("SIGKILL")
  await demo?.exited
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

async function start(...args: readonly string[]): Promise<Bun.Subprocess<"ignore", "pipe", "pipe">> {
  folder = await mkdtemp(join(tmpdir(), "spectacles-demo-"))
  const env = { PATH: process.env["PATH"] ?? "" }
  demo = Bun.spawn([process.execPath, DEMO, ...args], {
    cwd: folder,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  return demo
}

test(
  "the demo answers commands through the proxy, keeps the limits, survives a cut, loses nothing, and ends by itself",
  async () => {
    // The crowd comes only where 11 s are left for it, and a busy machine takes its time until then.
    const running = await start("--seconds", "30")
    const [out, complaint, code] = await Promise.all([running.stdout.text(), running.stderr.text(), running.exited])
    expect([code, complaint]).toEqual([0, ""])
    expect(out).toMatch(/\/ping {3}Pong! .* there and back/)
    expect(out).toMatch(/!ping {3}Pong! .* there and back/)
    expect(out).toContain("all were answered, and Discord had to refuse 0")
    expect(out).toMatch(/its connection is cut .*, 0 events lost/)
    expect(out).toMatch(/events .* published, 0 lost, one connection cut on the way/)
    expect(out).toMatch(/requests .* through the proxy, 0 refused by Discord/)
    expect(out).not.toContain("\x1b")
  },
  TIMEOUT_MS,
)

test.each(["SIGINT", "SIGTERM"] as const)(
  "the demo runs until %s where it has no end, and then says what it did",
  async (signal) => {
    const running = await start("--seconds", "0")
    let out = ""
    for await (const text of running.stdout.pipeThrough(new TextDecoderStream())) {
      const isFirst = !out.includes("there and back\n")
      out += text
      if (isFirst && out.includes("there and back\n")) running.kill(signal)
    }
    expect([await running.exited, await running.stderr.text()]).toEqual([0, ""])
    expect(out).toMatch(/events .* published, 0 lost\n/)
  },
  TIMEOUT_MS,
)

test("the demo says what is wrong with its arguments", async () => {
  const running = await start("--seconds", "soon")
  expect(await running.stderr.text()).toContain("--seconds")
  expect(await running.exited).toBe(1)
})
