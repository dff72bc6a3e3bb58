// How long the executable takes to start, and what it takes when it rests. An event is a start; latencies are from the
// start of the process to what the case waits for. The peer is the least that Bun can do: a compiled program of one line.

import { existsSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { buildExecutable } from "../scripts/build.ts"
import { hostTarget } from "../scripts/targets.ts"
import { startSimulator } from "../src/simulator/start.ts"
import type { Benchmark, BenchmarkCase, Sample } from "./benchmark.ts"

const ROOT = join(import.meta.dir, "..")
const CACHE = join(ROOT, ".cache", "startup")
const EXECUTABLE = join(CACHE, "spectacles")
const LEAST = join(CACHE, "least")
const STARTS = 20
const SMOKE_STARTS = 2
/** After it, what only the start needed has been collected. */
const REST_MS = 10_000
const SMOKE_REST_MS = 100
const TOKEN = "startup"

export const benchmark: Benchmark = {
  question: "How long does the executable take to start, and how much memory at rest?",
  cases: [
    starts("a program of one line", async () => [await least(), "--version"]),
    starts("spectacles --version", async () => [await executable(), "--version"]),
    starts("spectacles --version, from the sources", async () => [
      process.execPath,
      "src/bin/spectacles.ts",
      "--version",
    ]),
    starts("spectacles gateway --help", async () => [await executable(), "gateway", "--help"]),
    starts("demo to READY of its shards", async () => [await executable(), "demo", "--seconds", "0"], " are ready"),
    atRest("gateway at rest, 1 shard", 1),
    atRest("gateway at rest, 16 shards", 16),
    { name: "proxy at rest", run: ({ smoke }) => proxyAtRest(smoke) },
  ],
}

/** Starts a command again and again. @param said what is waited for in its output; the first of it, if not given */
function starts(name: string, command: () => Promise<readonly string[]>, said = ""): BenchmarkCase {
  return {
    name,
    async run({ smoke }) {
      const words = await command()
      await startOnce(words, said)
      const latenciesUs: number[] = []
      let cpuUs = 0
      for (let start = 0; start < (smoke ? SMOKE_STARTS : STARTS); start += 1) {
        const one = await startOnce(words, said)
        latenciesUs.push(one.latencyUs)
        cpuUs += one.cpuUs
      }
      return sampleOf(latenciesUs, cpuUs)
    },
  }
}

interface Start {
  readonly latencyUs: number
  readonly cpuUs: number
}

async function startOnce(words: readonly string[], said: string): Promise<Start> {
  const cwd = words[0] === process.execPath ? ROOT : CACHE
  const startedMs = performance.now()
  const child = Bun.spawn([...words], { cwd, env: {}, stdin: "ignore", stdout: "pipe", stderr: "ignore" })
  let output = ""
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text
    if (!output.includes(said)) continue
    const latencyUs = (performance.now() - startedMs) * 1_000
    child.kill("SIGKILL")
    await child.exited
    return { latencyUs, cpuUs: cpuOf(child) }
  }
  throw new Error(`Cannot measure ${words.join(" ")}: it ended without saying "${said}".`)
}

function cpuOf(child: Bun.Subprocess): number {
  return Number(child.resourceUsage()?.cpuTime.total ?? 0)
}

function sampleOf(latenciesUs: readonly number[], cpuUs: number): Sample {
  const sorted = latenciesUs.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
  const wallUs = latenciesUs.reduce((total, one) => total + one, 0)
  return { events: latenciesUs.length, cpuUs, wallUs, latencyUs: [at(0.5), at(0.99), at(0.999)] }
}

/** A gateway on a simulated Discord where nothing happens, its output to nowhere. */
function atRest(name: string, shards: number): BenchmarkCase {
  return {
    name,
    async run({ smoke }) {
      const discord = await startSimulator({ token: TOKEN, shards, guilds: 100, rate: 0, maxConcurrency: shards })
      const ready = new Set<number>()
      const allReady = () =>
        discord.record.waitFor("identify", ({ outcome, index }) => {
          if (outcome === "ready") ready.add(index)
          return ready.size === shards
        })
      const env = {
        DISCORD_TOKEN: TOKEN,
        DISCORD_EVENTS: "MESSAGE_CREATE",
        DISCORD_INTENTS: "GUILDS,GUILD_MESSAGES",
        DISCORD_API_SCHEME: "http",
        DISCORD_API_HOST: discord.host,
        LOG_LEVEL: "warn",
      }
      try {
        return await rest(["gateway"], env, allReady, smoke)
      } finally {
        await discord.stop()
      }
    },
  }
}

function proxyAtRest(smoke: boolean): Promise<Sample> {
  const port = freePort()
  const env = { PROXY_ADDRESS: `127.0.0.1:${port}`, LOG_LEVEL: "warn" }
  return rest(["proxy"], env, () => answers(`http://127.0.0.1:${port}/`), smoke)
}

async function rest(
  words: readonly string[],
  env: Record<string, string>,
  ready: () => Promise<unknown>,
  smoke: boolean,
): Promise<Sample> {
  const command = [await executable(), ...words]
  const startedMs = performance.now()
  const child = Bun.spawn(command, { cwd: CACHE, env, stdin: "pipe", stdout: "ignore", stderr: "inherit" })
  const ended = child.exited.then((code) => {
    throw new Error(`Cannot measure ${words.join(" ")}: it ended with ${code}.`)
  })
  try {
    await Promise.race([ready(), ended])
    const latencyUs = (performance.now() - startedMs) * 1_000
    await Bun.sleep(smoke ? SMOKE_REST_MS : REST_MS)
    const residentBytes = residentOf(child.pid)
    child.kill("SIGKILL")
    await ended.catch(() => {})
    return { ...sampleOf([latencyUs], cpuOf(child)), residentBytes }
  } finally {
    child.kill("SIGKILL")
  }
}

function residentOf(pid: number): number {
  const { stdout } = Bun.spawnSync(["ps", "-o", "rss=", "-p", String(pid)])
  return Number(stdout.toString()) * 1_024
}

function freePort(): number {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() })
  const { port = 0 } = server
  void server.stop(true)
  return port
}

async function answers(url: string): Promise<void> {
  while ((await fetch(url).catch(() => null)) === null) await Bun.sleep(1)
}

/** Built when a source is newer. */
async function executable(): Promise<string> {
  const sources = await Array.fromAsync(new Bun.Glob("{src,scripts}/**/*.ts").scan({ cwd: ROOT, absolute: true }))
  const newestMs = Math.max(...sources.map((file) => statSync(file).mtimeMs))
  if (!existsSync(EXECUTABLE) || statSync(EXECUTABLE).mtimeMs < newestMs) {
    await buildExecutable(hostTarget(), { outfile: EXECUTABLE, native: true })
  }
  return EXECUTABLE
}

async function least(): Promise<string> {
  mkdirSync(CACHE, { recursive: true })
  if (existsSync(LEAST)) return LEAST
  const source = join(mkdtempSync(join(tmpdir(), "spectacles-least-")), "least.ts")
  writeFileSync(source, 'process.stdout.write("one line\\n")\n')
  await Bun.build({ entrypoints: [source], compile: { outfile: LEAST }, minify: true })
  return LEAST
}
