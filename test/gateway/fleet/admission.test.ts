import { expect, test } from "bun:test"
import { Admission } from "../../../src/gateway/fleet/admission.ts"

const isSettled = async (promise: Promise<void>) => {
  let settled = false
  void promise.then(() => {
    settled = true
  })
  await Promise.resolve()
  await Promise.resolve()
  return settled
}

test("#34 lets a connection in by an answer to a beat that was sent after it came, and by none before", async () => {
  const admission = new Admission({ type: "name", name: "spectacles:bot:a" })
  const onItsWay = admission.beatSent()
  const admitted = admission.admit()
  admission.answered(onItsWay)
  expect(await isSettled(admitted)).toBe(false)
  admission.answered(admission.beatSent())
  expect(await isSettled(admitted)).toBe(true)
})

test("a later connection has an earlier one wait with it", async () => {
  const admission = new Admission({ type: "name", name: "spectacles:bot:a" })
  const first = admission.admit()
  const beat = admission.beatSent()
  const second = admission.admit()
  admission.answered(beat)
  expect([await isSettled(first), await isSettled(second)]).toEqual([false, false])
  admission.answered(admission.beatSent())
  expect([await isSettled(first), await isSettled(second)]).toEqual([true, true])
})

test("asks for a beat, also for who came before anybody listened", () => {
  const admission = new Admission({ type: "name", name: "spectacles:bot:a" })
  void admission.admit()
  let asked = 0
  admission.onAsked(() => {
    asked += 1
  })
  expect(asked).toBe(1)
  void admission.admit()
  expect(asked).toBe(2)
})
