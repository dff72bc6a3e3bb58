import { beforeEach, describe, expect, test } from "bun:test"
import { AutoReshard } from "../../../src/gateway/reshard/auto.ts"
import type { Reshards } from "../../../src/gateway/reshard/record.ts"
import { firstSet } from "../../../src/gateway/shard-set.ts"
import { PLAIN_NODE, QUIET_BEAT } from "../../fixtures/beats.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"
import { ModelLedger, modelLedger } from "../fleet/model-ledger.ts"
import { ModelReshards } from "./model-reshards.ts"

const HOUR_MS = 3_600_000

let clock: FakeClock
let ledger: ModelLedger
let reshards: Reshards
let log: RecordingLogger
let guilds: number | null
let asked: number

beforeEach(() => {
  clock = new FakeClock()
  ledger = new ModelLedger()
  reshards = new ModelReshards(ledger, () => clock.nowMs())
  log = new RecordingLogger()
  guilds = 100
  asked = 0
})

/** A gateway that takes so many shards, and has two. */
function start(capacity: number, isFirst = true): AutoReshard {
  const node = { id: "a", ...PLAIN_NODE, capacity }
  ledger.exchange({ ...QUIET_BEAT, node, set: firstSet(2), leaseMs: HOUR_MS }, clock.nowMs())
  return new AutoReshard({
    ...{ reshards, clock, log, newId: () => "one", isFirst: () => isFirst },
    shards: () => modelLedger(ledger, () => clock.nowMs()).shards(),
    async discord() {
      asked += 1
      return { guilds, maxConcurrency: 1 }
    },
  })
}

/** What was begun after so long; null: nothing. */
async function begunAfter(ms: number): Promise<number | null> {
  clock.advance(ms)
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
  return (await reshards.read())?.to ?? null
}

describe("auto", () => {
  test("begins when the bot has outgrown its shards, and asks once an hour", async () => {
    start(100)
    expect(await begunAfter(HOUR_MS / 2)).toBeNull()
    guilds = 2 * 1_800 + 1
    expect(await begunAfter(HOUR_MS / 4)).toBeNull()
    expect(asked).toBe(1)
    expect(await begunAfter(HOUR_MS / 2)).toBe(4)
    expect(asked).toBe(2)
  })

  test("asks from one process alone, and not while a reshard runs", async () => {
    start(100, false)
    expect(await begunAfter(2 * HOUR_MS)).toBeNull()
    expect(asked).toBe(0)
    start(100)
    guilds = 10_000
    expect(await begunAfter(HOUR_MS)).toBe(8)
    await begunAfter(3 * HOUR_MS)
    expect(asked).toBe(1)
  })

  test("says what is wrong when the gateways have no room for both sets", async () => {
    start(5)
    guilds = 4_000
    expect(await begunAfter(HOUR_MS)).toBeNull()
    expect(log.messages("error").join()).toContain("raise shards.max, or start another gateway")
  })

  test("does nothing where Discord does not say in how many guilds the bot is", async () => {
    start(100)
    guilds = null
    expect(await begunAfter(HOUR_MS)).toBeNull()
  })
})
