// What a missing or broken addon says. Each case runs in a copy of the tree's codec, since a module is loaded once.

import { describe, expect, test } from "bun:test"
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const ROOT = join(import.meta.dir, "..", "..", "..")

/** What `loadNative` says where native/spectacles.node is this. */
async function failureWith(addon: string | undefined): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "spectacles-load-"))
  try {
    for (const part of ["codec", "discord"])
      cpSync(join(ROOT, "src", part), join(folder, "src", part), { recursive: true })
    mkdirSync(join(folder, "native"))
    if (addon !== undefined) writeFileSync(join(folder, "native", "spectacles.node"), addon)
    const script = `
      const { loadNative } = await import("./src/codec/native/load.ts")
      try { loadNative() } catch (error) { console.log(error.message) }`
    const child = Bun.spawn([process.execPath, "-e", script], { cwd: folder, stdin: "ignore", stderr: "inherit" })
    return (await new Response(child.stdout).text()).trimEnd()
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe("loadNative", () => {
  test("says in one sentence that the addon is not built, and how to build it", async () => {
    expect(await failureWith(undefined)).toBe(
      "Cannot load the native codec: its addon is not built. Run `bun run build:native`, which needs Rust's cargo.",
    )
  })

  test("says in one line that the addon cannot be loaded", async () => {
    const message = await failureWith("not a library")
    expect(message).toStartWith("Cannot load the native codec: ")
    expect(message).toEndWith(" Run `bun run build:native`, which needs Rust's cargo.")
    expect(message.split("\n")).toHaveLength(1)
  })
})
