// The library as it is published: built, packed, and used by a project of its own under Node.

import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { buildClient, LIBRARY } from "../../scripts/build-client.ts"

const ROOT = join(import.meta.dir, "../..")
const TIMEOUT_MS = 120_000

let project: string

beforeAll(async () => {
  await buildClient()
  project = await mkdtemp(join(tmpdir(), "spectacles-package-"))
}, TIMEOUT_MS)
afterAll(() => rm(project, { recursive: true, force: true }))

async function run(
  cwd: string,
  ...command: readonly string[]
): Promise<{ readonly code: number; readonly said: string }> {
  const child = Bun.spawn([...command], { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [out, complaint, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, said: out + complaint }
}

describe("the built library", () => {
  test("uses neither Bun's API nor a native addon", async () => {
    for await (const file of new Bun.Glob("**/*.js").scan({ cwd: LIBRARY, absolute: true })) {
      const code = await readFile(file, "utf8")
      expect([file, /\bBun\.|from "bun|\.node"|import\.meta\.dir\b/.exec(code)]).toEqual([file, null])
    }
  })

  test(
    "passes publint",
    async () => {
      const { code, said } = await run(ROOT, process.execPath, "x", "publint", "--strict")
      expect([code, said]).toEqual([0, expect.stringContaining("All good!")])
    },
    TIMEOUT_MS,
  )

  test(
    "passes attw: its types are found wherever its modules are",
    async () => {
      const { code, said } = await run(ROOT, process.execPath, "x", "attw", "--pack", ROOT, "--profile", "esm-only")
      expect([code, said]).toEqual([0, expect.stringContaining("spectacles/gateway-client")])
    },
    TIMEOUT_MS,
  )

  test(
    "runs and typechecks in a project that has its package, under Node",
    async () => {
      const packed = await run(ROOT, "npm", "pack", "--ignore-scripts", "--pack-destination", project)
      expect(packed.code).toBe(0)
      const target = join(project, "node_modules/spectacles")
      await mkdir(target, { recursive: true })
      const archive = packed.said.match(/spectacles-[\d.]+\.tgz/)?.[0] ?? "none"
      expect(
        (await run(project, "tar", "-xzf", join(project, archive), "-C", target, "--strip-components=1")).code,
      ).toBe(0)
      // What npm would install beside it.
      await symlink(join(ROOT, "node_modules"), join(target, "node_modules"))
      for (const name of ["ioredis", "@types", "undici-types", "discord-api-types"]) {
        await symlink(join(ROOT, "node_modules", name), join(project, "node_modules", name))
      }
      await writeFile(join(project, "package.json"), '{ "type": "module" }')
      await writeFile(join(project, "handler.ts"), HANDLER)
      const strict = ["--strict", "--noEmit", "--module", "nodenext", "--types", "node", "--skipLibCheck", "false"]
      const types = await run(project, join(ROOT, "node_modules/.bin/tsc"), ...strict, "handler.ts")
      expect(types).toEqual({ code: 0, said: "" })
      const code = new Bun.Transpiler({ loader: "ts" }).transformSync(HANDLER)
      await writeFile(join(project, "handler.js"), code)
      expect(await run(project, "node", "handler.js")).toEqual({ code: 0, said: "function function function\n" })
    },
    TIMEOUT_MS,
  )
})

/** What a user writes: types come from the events' names. */
const HANDLER = `
import { Redis as Client } from "ioredis"
import { Amqp, Redis } from "spectacles/brokers"
import { GatewayClient } from "spectacles/gateway-client"

export async function handle(): Promise<void> {
  const broker = new Redis("group", new Client({ lazyConnect: true }))
  const text: string = await broker.redis.ping()
  broker.on("MESSAGE_CREATE", async (message, { ack }) => {
    const content: string = message.content
    await ack()
    console.log(content, text)
  })
  broker.on("mine", (data: number, { reply }) => reply(data + 1))
  for await (const message of broker.consume(["MESSAGE_CREATE", "GATEWAY_GAP"])) {
    const detail: string | number = message.event === "GATEWAY_GAP" ? message.data.last_seq : message.data.author.id
    console.log(detail)
    // @ts-expect-error: only one of the two has it
    console.log(message.data.content)
  }
  const client = new GatewayClient(new Amqp("gateway"), { userId: "1" })
  for await (const { user } of client.requestGuildMembers({ guildId: "1" })) console.log(user.username)
}
console.log(typeof Amqp, typeof Redis, typeof GatewayClient)
`
