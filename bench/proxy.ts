// What does the limiter cost? Requests through the proxy with limits that nobody reaches, beside the plainest pass-through
// that Bun can be and a proxy that users would run instead (bench/peers). Upstream and clients are processes of their own.

import { existsSync } from "node:fs"
import { join } from "node:path"
import type { Benchmark, Sample } from "./benchmark.ts"
import { type LineProcess, startLineProcess } from "./feed/line-process.ts"

const PARTS = join(import.meta.dir, "proxy")
const PEERS = join(import.meta.dir, "peers")
/** Until the JIT compilers have nothing left to do: after 60,000 requests the proxy, which has more code, still took 3 µs more. */
const WARM_UP = 300_000
const REQUESTS = 200_000
/** Of each side, before it is the next one's turn: a tenth of a second. */
const TURN = 4_000
const SMOKE = 500

const PASS_THROUGH = [process.execPath, join(PARTS, "pass-through.ts")]
const PROXY = [process.execPath, join(PARTS, "proxy.ts")]
const DISCORDJS = ["node", join(PEERS, "discordjs-proxy.mjs")]

export const benchmark: Benchmark = {
  question: "What does a request cost the proxy, beside a pass-through that does nothing else?",
  cases: [
    { names: ["pass-through", "proxy"], run: ({ smoke }) => inTurns([PASS_THROUGH, PROXY], smoke) },
    {
      names: ["@discordjs/proxy"],
      skipped: () => (existsSync(join(PEERS, "node_modules")) ? undefined : "run `npm install` in bench/peers"),
      run: ({ smoke }) => inTurns([DISCORDJS], smoke),
    },
  ],
  ratios: [{ of: "proxy", to: "pass-through", atMost: 1.25 }],
}

/** A process that requests go through, with clients of its own. */
interface Side {
  readonly process: LineProcess
  readonly clients: LineProcess
}

async function inTurns(commands: readonly (readonly string[])[], smoke: boolean): Promise<readonly Sample[]> {
  const upstream = startPart("upstream.ts")
  const origin = `http://127.0.0.1:${await portOf(upstream)}`
  const sides = await Promise.all(commands.map((command) => startSide([...command, origin])))
  const [warmUp, requests] = smoke ? [SMOKE, SMOKE] : [WARM_UP, REQUESTS]
  await turns(sides, warmUp)
  const samples = await turns(sides, requests)
  for (const { process, clients } of sides) await Promise.all([process.stop(), clients.stop()])
  await upstream.stop()
  return samples
}

/** @param requests of each side. */
async function turns(sides: readonly Side[], requests: number): Promise<readonly Sample[]> {
  const totals = sides.map((side) => ({ side, sample: { events: 0, cpuUs: 0, wallUs: 0 } }))
  for (let sent = 0; sent < requests; sent += TURN) {
    for (const { side, sample } of totals) {
      const { events, cpuUs, wallUs } = await turn(side, Math.min(TURN, requests - sent))
      sample.events += events
      sample.cpuUs += cpuUs
      sample.wallUs += wallUs
    }
  }
  return totals.map(({ sample }) => sample)
}

async function turn({ process, clients }: Side, requests: number): Promise<Sample> {
  const before = await cpuUsOf(process)
  const started = performance.now()
  clients.say(requests)
  const { answered } = await clients.hear()
  const wallUs = (performance.now() - started) * 1_000
  return { events: Number(answered), cpuUs: (await cpuUsOf(process)) - before, wallUs }
}

async function startSide(command: readonly string[]): Promise<Side> {
  const process = startLineProcess(command)
  return { process, clients: startPart("clients.ts", String(await portOf(process))) }
}

function startPart(file: string, ...args: readonly string[]): LineProcess {
  return startLineProcess([process.execPath, join(PARTS, file), ...args])
}

async function portOf(started: LineProcess): Promise<number> {
  return Number((await started.hear())["port"])
}

async function cpuUsOf(side: LineProcess): Promise<number> {
  side.say({})
  return Number((await side.hear())["cpuUs"])
}
