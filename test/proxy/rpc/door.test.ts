import { expect, test } from "bun:test"
import type { Broker } from "../../../src/brokers/broker.ts"
import { memoryBroker } from "../../../src/brokers/memory/broker.ts"
import { MemoryHub } from "../../../src/brokers/memory/hub.ts"
import { systemClock } from "../../../src/flow/clock.ts"
import { globalLimits } from "../../../src/proxy/proxy-request.ts"
import { RpcDoor, type RpcDoorOptions } from "../../../src/proxy/rpc/door.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"

const LONGEST_MS = 60_000
const REQUEST = { method: "POST", path: "/channels/1/messages", headers: { authorization: "Bot secret" } }

function open(broker: Broker, send: RpcDoorOptions["send"], log = new RecordingLogger()): RpcDoor {
  return new RpcDoor({
    broker,
    event: "REQUEST",
    origin: "http://discord",
    longestMs: LONGEST_MS,
    apiVersion: 10,
    token: null,
    timeoutMs: 1_000,
    globalLimits: globalLimits(50, new Map()),
    clock: systemClock,
    log,
    send,
    answered: () => {},
  })
}

/** A door on the in-memory broker, and what a call of it is answered. */
function door(send: RpcDoorOptions["send"], log?: RecordingLogger) {
  const hub = new MemoryHub()
  const stop = new AbortController()
  const opened = open(memoryBroker({ hub, group: "proxy" }), send, log)
  const caller: Broker = memoryBroker({ hub, group: "bot" })
  const running = opened.run(stop.signal)
  return {
    call: (request: unknown) => caller.call("REQUEST", request, { timeoutMs: 10_000 }),
    stop: async () => {
      stop.abort()
      await running
      await opened.finish()
    },
  }
}

test("answers with status 1, and keeps the reason to its log, when the proxy itself fails", async () => {
  const log = new RecordingLogger()
  const { call, stop } = door(() => Promise.reject(new Error("a defect")), log)
  expect(await call(REQUEST)).toEqual({ status: 1, body: "The proxy failed; its log says why." })
  await stop()
  expect(JSON.stringify(log.lines)).not.toContain("secret")
  expect(log.lines).toHaveLength(1)
})

test("lets no request take longer than it stays this proxy's, whatever it asks for", async () => {
  const deadlines: number[] = []
  const { call, stop } = door(async ({ deadlineMs }) => {
    deadlines.push(deadlineMs)
    return new Response("ok")
  })
  const beforeMs = systemClock.nowMs()
  for (const timeout of [{ secs: 3_600 }, { secs: 10 }]) await call({ ...REQUEST, timeout })
  const [longMs = 0, shortMs = 0] = deadlines
  const afterMs = systemClock.nowMs()
  expect(longMs).toBeWithin(beforeMs + LONGEST_MS, afterMs + LONGEST_MS + 1)
  expect(shortMs).toBeWithin(beforeMs + 10_000, afterMs + 10_001)
  await stop()
})

test("answers with status 7 when the connection breaks in the middle of Discord's answer", async () => {
  const broken = new ReadableStream({ start: (controller) => controller.error(new Error("reset")) })
  const { call, stop } = door(() => Promise.resolve(new Response(broken)))
  expect(await call(REQUEST)).toMatchObject({ status: 7, body: expect.stringContaining("broke") })
  await stop()
})

test("sends a call that is handed over again while it is in hand once, and answers it once", async () => {
  const sent = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<Response>()
  const acknowledged = Promise.withResolvers<void>()
  const replies: unknown[] = []
  let requests = 0
  const delivery = (isRepeated: boolean, ack: () => Promise<void>) => ({
    event: "REQUEST",
    call: "queue 1",
    isRepeated,
    data: () => REQUEST,
    ack,
    nack: () => Promise.resolve(),
    reply: (data: unknown) => Promise.resolve(void replies.push(data)),
  })
  const idle = memoryBroker({ hub: new MemoryHub(), group: "proxy" })
  const broker: Broker = Object.create(idle, {
    consume: {
      value: async function* () {
        yield delivery(false, () => Promise.reject(new Error("its connection is gone")))
        await sent.promise
        yield delivery(true, () => Promise.resolve(acknowledged.resolve()))
      },
    },
  })
  const opened = open(broker, () => {
    requests += 1
    sent.resolve()
    return answer.promise
  })
  await opened.run(new AbortController().signal)
  answer.resolve(new Response("ok"))
  await acknowledged.promise
  expect(requests).toBe(1)
  expect(replies).toMatchObject([{ status: 0 }])
})
