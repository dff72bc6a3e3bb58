import { expect, test } from "bun:test"
import { type Waiting, WaitList } from "../../../src/proxy/limits/wait-list.ts"

test("who waits goes by priority, repeats first within it, and in order; any place can be given up", () => {
  const list = new WaitList<Waiting & { readonly name: string }>()
  const add = (name: string, priority: Waiting["priority"], isRepeat = false) => {
    const waiter = { name, priority, isRepeat }
    list.add(waiter)
    return waiter
  }
  add("a", "normal")
  const left = add("b", "normal")
  add("c", "normal", true)
  add("d", "high")
  add("e", "normal", true)
  expect([list.delete(left), list.delete(left)]).toEqual([true, false])
  expect([list.size, list.count("normal"), list.count("low")]).toEqual([4, 3, 0])
  const order: (string | undefined)[] = []
  for (let first = list.first(); first !== undefined; first = list.first()) {
    order.push(first.name)
    list.delete(first)
  }
  expect(order).toEqual(["d", "c", "e", "a"])
})
