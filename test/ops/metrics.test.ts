import { describe, expect, test } from "bun:test"
import { Metrics } from "../../src/ops/metrics.ts"

const values = async (metrics: Metrics) =>
  (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"))

describe("metrics", () => {
  test("reads values when they are scraped, and not before", async () => {
    const metrics = new Metrics()
    const gauge = metrics.gauge({ name: "depth", help: "Depth." })
    let reads = 0
    metrics.onScrape(() => {
      reads += 1
      gauge.set(reads)
    })
    expect(reads).toBe(0)
    expect(await values(metrics)).toEqual(["depth 1"])
    expect(await values(metrics)).toEqual(["depth 2"])
  })

  test("stops reading when told", async () => {
    const metrics = new Metrics()
    const gauge = metrics.gauge({ name: "depth", help: "Depth." })
    const stop = metrics.onScrape(() => gauge.set(1))
    stop()
    expect(await values(metrics)).toEqual([])
  })

  test("shows no more what is not set again", async () => {
    const metrics = new Metrics()
    const gauge = metrics.gauge({ name: "alive", help: "Alive.", labelNames: ["id"] })
    let ids = [1, 2]
    metrics.onScrape(() => {
      for (const id of ids) gauge.set({ id }, 1)
    })
    expect(await values(metrics)).toEqual(['alive{id="1"} 1', 'alive{id="2"} 1'])
    ids = [2]
    expect(await values(metrics)).toEqual(['alive{id="2"} 1'])
  })

  test("keeps registries apart, so that two services may run in one process", () => {
    for (const metrics of [new Metrics(), new Metrics()]) {
      metrics.counter({ name: "same", help: "Same." })
      expect(metrics.describe()).toEqual([{ name: "same", type: "counter", labels: [] }])
    }
  })
})
