import { describe, expect, test } from "bun:test"
import { BrokerClosedError } from "../../src/brokers/broker.ts"
import { Outbox } from "../../src/brokers/outbox.ts"
import { FakeClock } from "../fixtures/fake-clock.ts"

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** An outbox whose deliveries the test confirms. */
function stalled() {
  const delivering: { item: string; confirm: () => void; fail: (error: Error) => void }[] = []
  const errors: unknown[] = []
  const outbox = new Outbox<string>(
    (item) => new Promise((confirm, fail) => delivering.push({ item, confirm, fail })),
    (error) => {
      errors.push(error)
      outbox.close(new BrokerClosedError("failed"))
    },
  )
  return { outbox, delivering, errors }
}

describe("outbox", () => {
  test("delivers one item at a time, in order", async () => {
    const { outbox, delivering } = stalled()
    const settled: string[] = []
    for (const item of ["a", "b"]) void outbox.push(item).then(() => settled.push(item))
    await turn()
    expect(delivering.map(({ item }) => item)).toEqual(["a"])
    delivering[0]?.confirm()
    await turn()
    expect(delivering.map(({ item }) => item)).toEqual(["a", "b"])
    expect(settled).toEqual(["a"])
  })

  test("rejects everything that waits when a delivery fails, and delivers no more", async () => {
    const { outbox, delivering, errors } = stalled()
    const results = Promise.allSettled([outbox.push("a"), outbox.push("b")])
    delivering[0]?.fail(new Error("broken"))
    for (const result of await results) expect(result).toMatchObject({ status: "rejected" })
    expect(errors).toEqual([new Error("broken")])
    await expect(outbox.push("c")).rejects.toBeInstanceOf(BrokerClosedError)
    expect(delivering).toHaveLength(1)
  })

  test("ignores a confirm that comes after it was closed", async () => {
    const { outbox, delivering } = stalled()
    const result = outbox.push("a").catch((error: unknown) => error)
    outbox.close(new BrokerClosedError("closed"))
    delivering[0]?.confirm()
    expect(await result).toEqual(new BrokerClosedError("closed"))
  })

  test("drains until nothing waits, for all who ask, and takes nothing meanwhile", async () => {
    const { outbox, delivering } = stalled()
    const clock = new FakeClock()
    const pushed = outbox.push("a")
    const drained = Promise.all([outbox.drain(1_000, clock), outbox.drain(1_000, clock)])
    await expect(outbox.push("late")).rejects.toThrow("Cannot publish: the broker is closing.")
    delivering[0]?.confirm()
    await Promise.all([pushed, drained])
    expect(clock.step()).toBe(false)
  })

  test("drains no longer than it may", async () => {
    const { outbox } = stalled()
    const clock = new FakeClock()
    outbox.push("a").catch(() => {})
    const drained = outbox.drain(1_000, clock)
    clock.advance(1_000)
    await drained
  })
})
