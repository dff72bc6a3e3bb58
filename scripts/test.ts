// `bun run test`: what README names. Sets up what the tests need on a fresh machine, then runs the whole gate, so that
// what passes here passes everywhere.

import { existsSync } from "node:fs"
import { join } from "node:path"
import { installServers } from "./install-servers.ts"

const ROOT = join(import.meta.dir, "..")
const BUN = process.execPath

if (!existsSync(join(ROOT, "node_modules", "typescript"))) {
  const installed = Bun.spawnSync([BUN, "install", "--frozen-lockfile"], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  })
  if (installed.exitCode !== 0) process.exit(installed.exitCode)
}
const problem = installServers()
if (problem !== undefined) {
  console.error(problem)
  process.exit(1)
}
await import("./ok.ts")
