// Commands in the documentation work as they stand there: each block is run, with a simulator in Discord's place and free
// ports in those of the text. What needs a machine of its own (Docker, Kubernetes) is held to the files that it names.

import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Simulator } from "../../src/simulator/simulator.ts"
import { startSimulator } from "../../src/simulator/start.ts"
import { freePort } from "../fixtures/free-port.ts"
import { TOKEN } from "../fixtures/gateway-process.ts"
import { startRedisServer } from "../fixtures/redis-server.ts"
import { blocksIn, type CodeBlock, ROOT } from "./code-blocks.ts"

/** What sets the machine up; the test runs on one that is. */
const SET_UP = "npm install --global bun && bun install && "

const ADMIN_TOKEN = "a-long-enough-token-for-the-admin-address"

const RULES: readonly { readonly pattern: RegExp; readonly run: (lines: readonly string[]) => Promise<void> }[] = [
  { pattern: /^bun run demo$/, run: runDemo },
  // That is what runs here.
  { pattern: /^bun run test$/, run: () => Promise.resolve() },
  { pattern: /BROKER_TYPE=redis .*bun run gateway$/, run: runGatewayOnRedis },
  { pattern: /bun run gateway$/, run: runGateway },
  { pattern: /^bun run simulator/, run: runSimulator },
  { pattern: /^bun run proxy$/, run: runProxy },
  { pattern: /^PROXY_LIMITS_REDIS_URL=\S+ bun run proxy$/, run: runSharedProxy },
  { pattern: /^ADMIN_TOKEN=… spectacles shards /, run: runSteering },
  // It takes gateways that share a bot's shards: test/bin/reshard.test.ts.
  { pattern: /^spectacles reshard --count \d+$/, run: () => Promise.resolve() },
  { pattern: /^redis-cli /, run: runRedisCli },
  { pattern: /^(docker|kubectl) /, run: namesFilesThatExist },
]

let simulator: Simulator
let folder: string

beforeAll(async () => {
  simulator = await startSimulator({ guilds: 3 })
  simulator.setRate(50)
  folder = await mkdtemp(join(tmpdir(), "spectacles-documentation-"))
})

afterAll(async () => {
  await simulator.stop()
  await rm(folder, { recursive: true })
})

test.each(blocksIn("sh", "bash"))(
  "%s works",
  async (_where, block) => {
    const lines = linesOf(block)
    const rule = RULES.find(({ pattern }) => pattern.test(lines[0] ?? ""))
    if (rule === undefined) throw new Error(`There is no rule to try "${lines[0]}": add one.`)
    await rule.run(lines)
  },
  120_000,
)

/** Whole commands, without comments. */
function linesOf({ text }: CodeBlock): readonly string[] {
  const commands = text.replaceAll(/\\\n\s*/g, "").split("\n")
  const meant = commands.map((line) => line.replace(SET_UP, "").trim())
  return meant.filter((line) => line !== "" && !line.startsWith("#"))
}

async function runDemo([line]: readonly string[]): Promise<void> {
  const child = start(`${line} --seconds 4`)
  const [output, code] = await Promise.all([child.stdout.text(), child.exited])
  expect(output).toContain("0 lost")
  expect(code).toBe(0)
}

async function runGateway([line]: readonly string[]): Promise<void> {
  const child = startGateway(line ?? "")
  let events = 0
  // Read to its end: a gateway whose output is closed has nowhere to publish to, and says so.
  for await (const event of jsonLines(child.stdout)) {
    expect(event).toMatchObject({ event: "MESSAGE_CREATE", data: { id: expect.any(String) } })
    events += 1
    if (events === 1) child.kill("SIGTERM")
  }
  expect(events).toBeGreaterThan(0)
  expect(await child.exited).toBe(0)
}

async function runGatewayOnRedis([line = ""]: readonly string[]): Promise<void> {
  const server = await startRedisServer()
  const child = startGateway(line.replace("localhost:6379", server.url))
  const reader = start(`redis-cli -u ${server.url} XREAD BLOCK 30000 STREAMS MESSAGE_CREATE 0-0`)
  expect(await reader.stdout.text()).toContain("MESSAGE_CREATE")
  await ends(child)
  const session = start(`redis-cli -u ${server.url} GET gateway:0`)
  expect(await session.stdout.text()).toContain("sessionId")
  await server.stop()
}

async function runSteering([line]: readonly string[]): Promise<void> {
  const admin = `127.0.0.1:${await freePort()}`
  const running = "DISCORD_TOKEN='your token' DISCORD_EVENTS=MESSAGE_CREATE DISCORD_INTENTS=GUILDS bun run gateway"
  const gateway = startGateway(running, { ADMIN_ADDRESS: admin, ADMIN_TOKEN: ADMIN_TOKEN })
  await says(gateway.stderr, "ready")
  const asked = line?.replace("…", ADMIN_TOKEN).replace("spectacles", "bun src/bin/spectacles.ts") ?? ""
  const child = start(asked.replace("10.0.0.7:8081", admin))
  const [output, code] = await Promise.all([child.stdout.text(), child.exited])
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining("0") })
  gateway.kill("SIGTERM")
  await gateway.exited
}

async function runSimulator([line]: readonly string[]): Promise<void> {
  const child = start(`${line} --port 0`)
  await says(child.stdout, "ws://127.0.0.1:")
  await ends(child)
}

async function runSharedProxy([line]: readonly string[]): Promise<void> {
  const server = await startRedisServer()
  await runProxy([line?.replace("redis://localhost:6379", server.url) ?? ""])
  await server.stop()
}

async function runProxy([line, ...requests]: readonly string[]): Promise<void> {
  const port = await freePort()
  const child = start(line ?? "", { PROXY_ADDRESS: `127.0.0.1:${port}` })
  await says(child.stderr, `${port}`)
  for (const request of requests) {
    expect(request).toStartWith("curl ")
    const curl = start(`${request.replace("127.0.0.1:8080", `127.0.0.1:${port}`)} --silent --show-error --fail`)
    const [answer, code] = await Promise.all([curl.stdout.text(), curl.exited])
    expect(() => JSON.parse(answer)).not.toThrow()
    expect(code).toBe(0)
  }
  await ends(child)
}

async function runRedisCli(lines: readonly string[]): Promise<void> {
  const server = await startRedisServer()
  const onServer = (line: string) => start(line.replace("redis-cli", `redis-cli -u ${server.url}`))
  await onServer('redis-cli XADD MESSAGE_CREATE "*" data body id session:1').exited
  for (const line of lines) {
    const child = onServer(line)
    expect(await child.stdout.text()).toContain("session:1")
    expect(await child.exited).toBe(0)
  }
  await server.stop()
}

function namesFilesThatExist(lines: readonly string[]): Promise<void> {
  const paths = lines.flatMap((line) =>
    line.split(/[\s=]/).filter((word) => /^(\.\/)?(deploy|examples|docs)\//.test(word)),
  )
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  return Promise.resolve()
}

/** With a token in place of the text that stands for one. */
function startGateway(line: string, settings: Readonly<Record<string, string>> = {}) {
  return start(line.replace(/(["'])your .*?token\1/, TOKEN), settings)
}

/** A command of the project, in the project's folder, with nothing of this process' environment but PATH and HOME. */
function start(line: string, settings: Readonly<Record<string, string>> = {}) {
  return Bun.spawn(["bash", "--norc", "-c", `exec env ${line}`], {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: simulator.host,
      ...settings,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
}

async function ends(child: ReturnType<typeof start>): Promise<void> {
  child.kill("SIGTERM")
  expect(await child.exited).toBe(0)
}

async function says(output: ReadableStream<Uint8Array>, text: string): Promise<void> {
  let said = ""
  for await (const part of texts(output)) {
    said += part
    if (said.includes(text)) return
  }
  throw new Error(`It ended without saying ${text}: ${said}`)
}

async function* jsonLines(output: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  let rest = ""
  for await (const part of texts(output)) {
    const lines = `${rest}${part}`.split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) yield JSON.parse(line)
  }
}

async function* texts(output: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  for await (const chunk of output) yield decoder.decode(chunk, { stream: true })
}
