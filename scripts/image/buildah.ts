// Runs buildah on a store of its own, and other commands: their errors are shown, their output is returned.

import { join } from "node:path"

/** Where overlays cannot be mounted, `STORAGE_DRIVER=vfs` copies every layer whole: 30 GB, and several times as long. */
const STORAGE_DRIVER = process.env["STORAGE_DRIVER"] ?? "overlay"

/** @param folder holds the store. @returns what it printed. */
export function buildah(folder: string, ...args: readonly string[]): Promise<string> {
  const store = ["--storage-driver", STORAGE_DRIVER, "--root", join(folder, "store"), "--runroot", join(folder, "run")]
  return run("buildah", [...store, ...args])
}

/**
 * @returns what it printed.
 * @throws Error with the command when it fails; what it said went to standard error.
 */
export async function run(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = Bun.spawn([command, ...args], {
    env: { ...process.env, ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  })
  const [printed, code] = await Promise.all([child.stdout.text(), child.exited])
  if (code !== 0) throw new Error(`${printed}\n${[command, ...args].join(" ")} ended with ${code}.`)
  return printed
}
