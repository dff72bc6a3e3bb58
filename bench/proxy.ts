// What does the limiter cost? Requests through the proxy with limits that nobody reaches, beside the plainest pass-through
// that Bun can be (its server and its fetch, and nothing between them) and a proxy that users would run instead
// (bench/peers). Upstream and clients are processes of their own.

import { existsSync } from "node:fs"
import { join } from "node:path"
import { readText } from "../src/config/config-file.ts"
import { readProxyConfig } from "../src/config/read-proxy-config.ts"
import { systemClock } from "../src/flow/clock.ts"
import { silentLogger } from "../src/ops/log.ts"
import { Metrics } from "../src/ops/metrics.ts"
import { MemoryLimiter } from "../src/proxy/limits/memory/memory-limiter.ts"
import { ProxyMetrics } from "../src/proxy/metrics.ts"
import { RestProxy } from "../src/proxy/proxy.ts"
import { type Benchmark, measure, type Sample } from "./benchmark.ts"
import { startLineProcess } from "./feed/line-process.ts"

const PARTS = join(import.meta.dir, "proxy")
const PEERS = join(import.meta.dir, "peers")
/** Until the JIT compilers have nothing left to do: after 60,000 requests the proxy, which has more code, still took 3 µs more. */
const WARM_UP = 300_000
const REQUESTS = 200_000
const SMOKE = 500

export const benchmark: Benchmark = {
  question: "What does a request cost the proxy, beside a pass-through that does nothing else?",
  cases: [
    { name: "pass-through", run: ({ smoke }) => run(passThrough, smoke) },
    { name: "proxy", run: ({ smoke }) => run(proxy, smoke) },
    {
      name: "@discordjs/proxy",
      skipped: () => (existsSync(join(PEERS, "node_modules")) ? undefined : "run `npm install` in bench/peers"),
      run: ({ smoke }) => run(discordjs, smoke),
    },
  ],
  ratios: [{ of: "proxy", to: "pass-through", atMost: 1.25 }],
}

interface Started {
  readonly port: number
  /** CPU time so far, where it is a process of its own. */
  readonly cpuUs?: () => Promise<number>
  stop(): Promise<void>
}

async function run(start: (upstream: string) => Promise<Started>, smoke: boolean): Promise<Sample> {
  const upstream = spawn("upstream.ts")
  const lines = upstream.lines()
  const started = await start(`127.0.0.1:${await lines()}`)
  const clients = spawn("clients.ts", String(started.port))
  const answers = clients.lines()
  const send = async (requests: number) => {
    clients.write(`${requests}\n`)
    return Number(await answers())
  }
  await send(smoke ? SMOKE : WARM_UP)
  const before = await started.cpuUs?.()
  const sample = await measure(() => send(smoke ? SMOKE : REQUESTS))
  const after = await started.cpuUs?.()
  clients.stop()
  await started.stop()
  upstream.stop()
  return before === undefined || after === undefined ? sample : { ...sample, cpuUs: after - before }
}

async function passThrough(upstream: string): Promise<Started> {
  const origin = `http://${upstream}`
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch({ url, method, headers, body }) {
      return fetch(origin + url.slice(url.indexOf("/", "http://".length)), { method, headers, body })
    },
  })
  return { port: server.port ?? 0, stop: () => server.stop(true) }
}

async function proxy(upstream: string): Promise<Started> {
  const { config } = readProxyConfig({
    file: null,
    env: {
      PROXY_ADDRESS: "127.0.0.1:0",
      DISCORD_API_SCHEME: "http",
      DISCORD_API_HOST: upstream,
      SHUTDOWN_TIMEOUT: "1s",
    },
    readText,
    isTerminal: false,
  })
  const { queuePerBucket, queue, idleMs } = config.limits
  const bounds = { perBucket: queuePerBucket, total: queue, idleMs }
  const limiter = new MemoryLimiter({ clock: systemClock, log: silentLogger, bounds })
  const service = new RestProxy({
    config,
    limiter,
    broker: null,
    metrics: new ProxyMetrics(new Metrics()),
    log: silentLogger,
    clock: systemClock,
    random: Math.random,
    fetch,
  })
  const stop = new AbortController()
  const ended = service.run(stop.signal)
  return {
    port: service.port ?? 0,
    stop: () => {
      stop.abort()
      return ended
    },
  }
}

async function discordjs(upstream: string): Promise<Started> {
  const peer = startLineProcess(["node", join(PEERS, "discordjs-proxy.mjs"), `http://${upstream}/api`])
  const { port } = await peer.hear()
  return {
    port: Number(port),
    async cpuUs() {
      peer.say({})
      return Number((await peer.hear())["cpuUs"])
    },
    stop: () => peer.stop(),
  }
}

function spawn(file: string, ...args: readonly string[]) {
  const child = Bun.spawn([process.execPath, join(PARTS, file), ...args], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  })
  return {
    write(text: string) {
      child.stdin.write(text)
      void child.stdin.flush()
    },
    /** A function that gives one line after another. */
    lines() {
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader()
      let text = ""
      return async () => {
        while (!text.includes("\n")) {
          const { done, value } = await reader.read()
          if (done) throw new Error(`${file} ended.`)
          text += value
        }
        const line = text.slice(0, text.indexOf("\n"))
        text = text.slice(line.length + 1)
        return line
      }
    },
    stop: () => child.kill(),
  }
}
