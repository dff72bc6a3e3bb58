// The proxy, with its limits in memory. `bun bench/proxy/proxy.ts ORIGIN`

import { readText } from "../../src/config/config-file.ts"
import { readProxyConfig } from "../../src/config/read-proxy-config.ts"
import { systemClock } from "../../src/flow/clock.ts"
import { silentLogger } from "../../src/ops/log.ts"
import { Metrics } from "../../src/ops/metrics.ts"
import { MemoryLimiter } from "../../src/proxy/limits/memory/memory-limiter.ts"
import { ProxyMetrics } from "../../src/proxy/metrics.ts"
import { RestProxy } from "../../src/proxy/proxy.ts"
import { answerAs } from "./side.ts"

const [, , origin = ""] = process.argv
const { config } = readProxyConfig({
  file: null,
  env: {
    PROXY_ADDRESS: "127.0.0.1:0",
    DISCORD_API_SCHEME: "http",
    DISCORD_API_HOST: new URL(origin).host,
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
const ended = service.run(new AbortController().signal)
await Promise.race([ended, answerAs(service.port ?? 0)])
