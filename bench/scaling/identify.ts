// `bun bench/scaling/identify.ts [--shards 16000] [--gateways 40] [--concurrency 16]`: how long do the identifies of a new bot
// take? The gateways' real queues and Redis' real scripts, on a clock that moves only when nothing is left to do; every gateway
// starts its shards in the order of their ids, 32 at a time. Says how many Discord would have refused.

import { parseArgs } from "node:util"
import { IDENTIFY_WINDOW_MS } from "../../src/gateway/identify/limits.ts"
import { FakeClock } from "../../test/fixtures/fake-clock.ts"
import { redisLineUnderTest } from "../../test/fixtures/identify-lines.ts"
import { startRedisServer } from "../../test/fixtures/redis-server.ts"
import { seeded } from "../../test/gateway/simulation/random.ts"
import { cpuUsOf } from "../feed/process-cost.ts"

const DAY_MS = 86_400_000
const RESERVE = 50
const TELL_EVERY_MS = 10_000
/** As src/gateway/fleet.ts: shards of a gateway that have been started and are not live yet. */
const MAX_STARTING = 32
/** From Identify to READY. */
const READY_MS = 1_000

const { values } = parseArgs({
  options: {
    shards: { type: "string", default: "16000" },
    gateways: { type: "string", default: "40" },
    concurrency: { type: "string", default: "16" },
  },
})
const shards = Number(values.shards)
const gateways = Number(values.gateways)
const maxConcurrency = Number(values.concurrency)

const server = await startRedisServer()
const clock = new FakeClock()
const line = await redisLineUnderTest(server, clock)
const random = seeded(1)
const total = shards + RESERVE
/** When each key identified last. */
const lastMs = new Map<number, number>()
let identified = 0
let tooSoon = 0

const queues = Array.from({ length: gateways }, () =>
  line.open({
    clock,
    random: () => random.between(0, 1),
    startLimit: async () => ({ total, remaining: total - identified, resetAfterMs: DAY_MS, maxConcurrency }),
    reserve: RESERVE,
    onWait: () => {},
    onBudget: () => {},
  }),
)
const never = new AbortController().signal
for (let gateway = 0; gateway < gateways; gateway += 1) {
  for (let place = 0; place < MAX_STARTING; place += 1) startShard(gateway + place * gateways)
}

let toldMs = performance.now()
await line.settle()
const redisCpuUs = cpuUsOf(server.pid)
while (identified < shards) {
  if (!clock.step()) throw new Error("Cannot go on: no queue waits for anything any more.")
  await line.settle()
  if (performance.now() - toldMs < TELL_EVERY_MS) continue
  toldMs = performance.now()
  console.error(`${identified} of ${shards} after ${(clock.nowMs() / 60_000).toFixed(1)} min`)
}
const tookS = clock.nowMs() / 1_000
const evals = /cmdstat_eval:calls=(\d+),usec=(\d+)/.exec(await server.command("INFO", "commandstats")) ?? []
const [scripts, scriptUs] = [Number(evals[1]), Number(evals[2])]
console.log(`${shards} shards, ${gateways} gateways, max_concurrency ${maxConcurrency}`)
console.log(`took ${(tookS / 60).toFixed(1)} min; ${tooSoon} identifies within 5 s of their key's last one`)
console.log(
  `scripts: ${scripts}, ${(scripts / tookS).toFixed(1)} a second, ${(scriptUs / scripts).toFixed(0)} µs each in Redis`,
)
console.log(
  `Redis: ${((cpuUsOf(server.pid) - redisCpuUs) / 1e6).toFixed(1)} s CPU, with the clock's commands, in ${tookS.toFixed(0)} s`,
)
await line.close()
await server.stop()
process.exit(0)

/** And the gateway's next one once it is live. */
function startShard(shard: number): void {
  if (shard >= shards) return
  void queues[shard % gateways]?.turn(shard, never).then(() => {
    const nowMs = clock.nowMs()
    const key = shard % maxConcurrency
    if (nowMs - (lastMs.get(key) ?? Number.NEGATIVE_INFINITY) < IDENTIFY_WINDOW_MS) tooSoon += 1
    lastMs.set(key, nowMs)
    identified += 1
    clock.after(READY_MS, () => startShard(shard + MAX_STARTING * gateways))
  })
}
