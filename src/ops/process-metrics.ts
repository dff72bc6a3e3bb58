// What every service says of its own process, under Prometheus' standard names.

import type { Metrics } from "./metrics.ts"

const MICROSECONDS_PER_SECOND = 1_000_000

export function addProcessMetrics(metrics: Metrics): void {
  const cpu = metrics.counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of the process, user and system, in seconds.",
  })
  const memory = metrics.gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process, in bytes.",
  })
  const start = metrics.gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in Unix seconds.",
  })
  const startSeconds = Math.round(Date.now() / 1_000 - process.uptime())
  let countedMicroseconds = 0
  metrics.onScrape(() => {
    const { user, system } = process.cpuUsage()
    cpu.inc((user + system - countedMicroseconds) / MICROSECONDS_PER_SECOND)
    countedMicroseconds = user + system
    memory.set(process.memoryUsage.rss())
    start.set(startSeconds)
  })
}
