// `bun bench/scaling/simulation.ts [--shards 16000] [--gateways 40] [--machine 4] [--restarts 2] [--lease 10]`: how long does a
// fleet of that size take to start, to get over the loss of a machine, and to be restarted, and what does that ask of Redis?
// Prints a table. docs/scaling.md says what is assumed.

import { parseArgs } from "node:util"
import { simulateFleet } from "./fleet.ts"
import { MEASURED_COSTS } from "./measured-costs.ts"

const { values } = parseArgs({
  options: {
    shards: { type: "string", default: "16000" },
    gateways: { type: "string", default: "40" },
    machine: { type: "string", default: "4" },
    restarts: { type: "string", default: "2" },
    lease: { type: "string", default: "10" },
  },
})

const happenings = simulateFleet({
  shards: Number(values.shards),
  gateways: Number(values.gateways),
  perMachine: Number(values.machine),
  restarts: Number(values.restarts),
  leaseMs: Number(values.lease) * 1_000,
  costs: MEASURED_COSTS,
})
console.log(
  `${values.shards} shards, ${values.gateways} gateways, ${values.machine} on a machine, lease ${values.lease} s\n`,
)
console.log("| | took | shards interrupted | longest | exchanges | Redis commands | Redis busy |")
console.log("| --- | --- | --- | --- | --- | --- | --- |")
for (const one of happenings) {
  const busy = `${((100 * one.redisBusyMs) / one.tookMs).toFixed(1)} %`
  const cells = [seconds(one.tookMs), one.interrupted, seconds(one.longestMs), one.exchanges, one.commands, busy]
  console.log(`| ${[one.name, ...cells].join(" | ")} |`)
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
