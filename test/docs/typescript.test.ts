// TypeScript and JavaScript in the documentation compiles. A block may use what its page has introduced before.

import { afterAll, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { BLOCKS, ROOT } from "./code-blocks.ts"

/** What blocks use without declaring it. */
const INTRODUCED = `
import type { Redis as RedisClient } from "ioredis"
import type { Redis } from "spectacles/brokers"
import type { GatewayClient } from "spectacles/gateway-client"
import type { Simulator } from "SRC/simulator/simulator.ts"
declare global {
  const client: RedisClient
  const broker: Redis
  const gateway: GatewayClient
  const discord: Simulator
  const id: string
  const token: string
  const guildId: string
  const channelId: string
  const userIds: string[]
}
`

// Inside the project, so that packages are found.
mkdirSync(join(ROOT, ".cache"), { recursive: true })
const folder = mkdtempSync(join(ROOT, ".cache/documentation-"))
afterAll(() => rmSync(folder, { recursive: true }))

test("every block compiles", async () => {
  const blocks = BLOCKS.filter(({ language }) => language === "ts" || language === "js")
  expect(blocks.length).toBeGreaterThan(3)
  for (const { page, line, text } of blocks) {
    const name = `${page.replaceAll(/[/.]/g, "-")}-line-${line}.ts`
    writeFileSync(join(folder, name), `${text.replaceAll('"../src/', `"${ROOT}/src/`)}\nexport {}\n`)
  }
  writeFileSync(join(folder, "introduced.d.ts"), INTRODUCED.replace("SRC", `${ROOT}/src`))
  const config = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: { noUnusedLocals: false, types: ["bun-types"], typeRoots: [join(ROOT, "node_modules")] },
    include: ["."],
  }
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
  const child = Bun.spawn([join(ROOT, "node_modules/.bin/tsc"), "--project", folder], { stdout: "pipe", cwd: folder })
  expect(await child.stdout.text()).toBe("")
  expect(await child.exited).toBe(0)
}, 120_000)
