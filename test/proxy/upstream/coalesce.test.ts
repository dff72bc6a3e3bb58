import { describe, expect, test } from "bun:test"
import type { Send } from "../../../src/proxy/door.ts"
import { timedOut } from "../../../src/proxy/failure.ts"
import type { Priority } from "../../../src/proxy/limits/limiter.ts"
import { globalLimits, ProxyRequest } from "../../../src/proxy/proxy-request.ts"
import { coalescing } from "../../../src/proxy/upstream/coalesce.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"

interface Asked {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly priority?: Priority
  readonly deadlineMs?: number
}

function requestOf(asked: Asked = {}): ProxyRequest {
  const { method = "GET", headers = {}, priority = "normal", deadlineMs = Number.POSITIVE_INFINITY } = asked
  const target = { path: "/gateway", upstream: "/api/v10/gateway" }
  const door = { signal: () => new AbortController().signal }
  const parts = { method, target, headers: new Headers(headers), body: null, priority, deadlineMs, door }
  return new ProxyRequest(parts, globalLimits(50, new Map()), new FakeClock())
}

/** Sends that are answered when the test says so, in the order in which they went. */
function openSend() {
  const went: { readonly request: ProxyRequest; answer(result: Awaited<ReturnType<Send>>): void }[] = []
  const send = coalescing((request) => {
    const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<Send>>>()
    went.push({ request, answer: resolve })
    return promise
  })
  return { send, went }
}

async function textOf(result: Awaited<ReturnType<Send>>): Promise<string> {
  return result instanceof Response ? `${result.status} ${await result.text()}` : result.reason
}

describe("equal GETs in flight", () => {
  test("are one request, whose answer each gets whole", async () => {
    const { send, went } = openSend()
    const results = [send(requestOf()), send(requestOf()), send(requestOf())]
    went[0]?.answer(new Response("body", { status: 201 }))
    expect(await Promise.all(results.map(async (result) => textOf(await result)))).toEqual(Array(3).fill("201 body"))
    expect(went).toHaveLength(1)
  })

  test.each<[string, Asked, Asked]>([
    ["an earlier deadline", { deadlineMs: 60_000 }, { deadlineMs: 1_000 }],
    ["a higher priority", { priority: "low" }, { priority: "high" }],
    ["another token", { headers: { authorization: "Bot a" } }, { headers: { authorization: "Bot b" } }],
    ["a condition of its own", {}, { headers: { "if-none-match": '"x"' } }],
    ["a method that changes something", {}, { method: "PUT" }],
  ])("are none with one that has %s: it goes by itself", async (_what, first, second) => {
    const { send, went } = openSend()
    const results = [send(requestOf(first)), send(requestOf(second))]
    expect(went).toHaveLength(2)
    for (const [index, { answer }] of went.entries()) answer(new Response(String(index)))
    expect(await Promise.all(results.map(async (result) => textOf(await result)))).toEqual(["200 0", "200 1"])
  })

  test("each go by themselves when the one that went has no answer to share", async () => {
    const { send, went } = openSend()
    const [first, second] = [send(requestOf()), send(requestOf())]
    went[0]?.answer(timedOut("too late"))
    expect(await textOf(await first)).toBe("timeout")
    while (went.length < 2) await Promise.resolve()
    went[1]?.answer(new Response("ok"))
    expect(await textOf(await second)).toBe("200 ok")
  })

  test("lose only the first when the connection breaks in the middle of the answer", async () => {
    const { send, went } = openSend()
    const [first, second] = [send(requestOf()), send(requestOf())]
    went[0]?.answer(new Response(new ReadableStream({ start: (controller) => controller.error(new Error("reset")) })))
    expect(await textOf(await first)).toBe("unreachable")
    while (went.length < 2) await Promise.resolve()
    went[1]?.answer(new Response("ok"))
    expect(await textOf(await second)).toBe("200 ok")
  })
})
