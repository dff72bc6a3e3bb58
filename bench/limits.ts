// How many requests pass of those that the limits allow, and how many 429s does Discord have to send? The figures that
// matter are printed for each trial; the table shows what a request costs the proxies. A full run takes 6 minutes a round.

import type { Benchmark, BenchmarkCase, Sample } from "./benchmark.ts"
import { LIMIT_CASES, type LimitCase, runLimits, type Setup } from "./proxy/limits.ts"

const SECONDS = 30
const SMOKE_SECONDS = 1

const SETUPS: Readonly<Record<Setup, string>> = {
  memory: "one process",
  redis: "one over Redis",
  two: "two over Redis",
  killed: "two, one killed",
}

export const benchmark: Benchmark = {
  question: "How many requests pass of those that the limits allow?",
  cases: LIMIT_CASES.flatMap((one) => setups().map((setup) => benchmarkCase(one, setup))),
}

function setups(): Setup[] {
  return ["memory", "redis", "two", "killed"]
}

function benchmarkCase(one: LimitCase, setup: Setup): BenchmarkCase {
  const name = `${one.name}, ${SETUPS[setup]}`
  return {
    name,
    skipped: () => (setup !== "memory" && Bun.which("redis-server") === null ? "Redis is not installed" : undefined),
    async run({ smoke }): Promise<Sample> {
      const result = await runLimits(one, setup, smoke ? SMOKE_SECONDS : SECONDS)
      const { passed, allowed, limited, lost, retried, unheard, leastOfAChannel, mostOfAChannel } = result
      if (passed === 0 || lost > 0) throw new Error(`${name}: ${passed} requests passed and ${lost} were lost.`)
      const percent = ((100 * passed) / allowed).toFixed(1)
      const after = setup === "killed" ? `, ${retried} sent again at the other` : ""
      const spread = `a channel ${leastOfAChannel}–${mostOfAChannel}`
      const line = `${passed} of ${allowed} (${percent} %), 429s ${limited}, ${spread}, executed and not answered ${unheard}${after}`
      if (!smoke) console.error(`${name}: ${line}`)
      return { events: passed, cpuUs: result.cpuUs, wallUs: result.wallUs }
    },
  }
}
