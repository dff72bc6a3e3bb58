// The gateway protocol, rule by rule.

import { describe, expect, test } from "bun:test"
import { MAX_RESUME_FAILURES, READY_DEADLINE_MS, RECONNECT_BACKOFF } from "../../../src/gateway/protocol/limits.ts"
import { Driven, GATEWAY_URL, RESUME_URL, SESSION } from "./drive.ts"

describe("connecting", () => {
  test("dials the gateway's url without a session, and asks for an identify slot after Hello", () => {
    const shard = new Driven().give({ type: "start" })
    expect(shard.effect("connect")).toEqual({ type: "connect", baseUrl: GATEWAY_URL, resume: false })
    shard.give({ type: "open" }).packet(10, { heartbeat_interval: 40_000 })
    expect(shard.effect("request-turn")).toBeDefined()
    expect(shard.state.phase).toBe("queued")
    shard.give({ type: "turn" })
    expect(shard.effects[0]).toEqual({ type: "identify" })
  })

  test("dials the resume url with a stored session, and resumes without a slot", () => {
    const shard = new Driven(SESSION).give({ type: "start" })
    expect(shard.effect("connect")).toEqual({ type: "connect", baseUrl: RESUME_URL, resume: true })
    shard.give({ type: "open" }).packet(10, { heartbeat_interval: 40_000 })
    expect(shard.effect("resume")).toEqual({ type: "resume", sessionId: "abc" })
    expect(shard.effect("request-turn")).toBeUndefined()
    expect(shard.packet(0, {}, "RESUMED").effect("live")).toEqual({ type: "live", resumed: true })
  })

  test("#4 a dial, a Hello and a READY that never come each end the connection", () => {
    const dialling = new Driven().give({ type: "start" })
    expect(dialling.timer("dial")).toBeGreaterThan(0)
    expect(dialling.give({ type: "timer", timer: "dial" }).state.phase).toBe("waiting")
    const greeting = new Driven().give({ type: "start" }).give({ type: "open" })
    expect(greeting.timer("hello")).toBeGreaterThan(0)
    expect(greeting.give({ type: "timer", timer: "hello" }).effect("close")).toBeDefined()
    const identifying = new Driven().greeted().give({ type: "turn" })
    expect(identifying.timer("ready")).toBe(READY_DEADLINE_MS)
    expect(identifying.give({ type: "timer", timer: "ready" }).state.phase).toBe("waiting")
  })

  test("#4 it heartbeats while it waits for its slot, for READY and for RESUMED", () => {
    const phases = [
      new Driven().greeted(),
      new Driven().greeted().give({ type: "turn" }),
      new Driven(SESSION).greeted(),
    ]
    for (const shard of phases) {
      expect(shard.give({ type: "timer", timer: "heartbeat" }).effect("heartbeat")).toBeDefined()
    }
  })

  test("#4 a replay that still arrives at the deadline goes on", () => {
    const shard = new Driven(SESSION).know({ sequence: 10 }).greeted()
    shard.know({ sequence: 900 }).give({ type: "timer", timer: "ready" })
    expect(shard.state.phase).toBe("resuming")
    expect(shard.timer("ready")).toBe(READY_DEADLINE_MS)
    expect(shard.give({ type: "timer", timer: "ready" }).state.phase).toBe("waiting")
  })

  test("a Hello without a usable interval, and a READY without a session, end the connection", () => {
    for (const d of [null, {}, { heartbeat_interval: 0 }, { heartbeat_interval: "40" }, { heartbeat_interval: 1e12 }]) {
      expect(new Driven().give({ type: "start" }).give({ type: "open" }).packet(10, d).state.phase).toBe("waiting")
    }
    expect(new Driven().greeted().give({ type: "turn" }).packet(0, {}, "READY").state.phase).toBe("waiting")
  })

  test("a resume url that cannot be dialled counts as none", () => {
    const shard = new Driven().greeted().give({ type: "turn" })
    shard.packet(0, { session_id: "abc", resume_gateway_url: "not a url" }, "READY").packet(7)
    expect(shard.give({ type: "timer", timer: "reconnect" }).effect("connect")?.baseUrl).toBe(GATEWAY_URL)
  })
})

describe("heartbeats", () => {
  test("come first after a random part of the interval, then every interval", () => {
    const shard = new Driven().know({ random: () => 0.25 }).greeted()
    expect(shard.timer("heartbeat")).toBe(10_000)
    expect(shard.give({ type: "timer", timer: "heartbeat" }).timer("heartbeat")).toBe(40_000)
  })

  test("answer Discord's op 1 at once and leave the timer alone", () => {
    const shard = new Driven().live().packet(1)
    expect(shard.effects).toEqual([{ type: "heartbeat" }])
  })

  test("end a connection without an ACK or any other frame since the last one", () => {
    const shard = new Driven().live().give({ type: "timer", timer: "heartbeat" }).know({ alive: false })
    shard.give({ type: "timer", timer: "heartbeat" })
    expect(shard.state.phase).toBe("waiting")
    expect(shard.effect("close")?.code).not.toBeOneOf([1000, 1001])
    expect(shard.give({ type: "timer", timer: "reconnect" }).effect("connect")?.resume).toBe(true)
  })

  test("#25 a missing ACK while other frames come is not a zombie", () => {
    const shard = new Driven().live().give({ type: "timer", timer: "heartbeat" }).know({ alive: true })
    for (let i = 0; i < 10; i += 1) shard.give({ type: "timer", timer: "heartbeat" })
    expect(shard.state.phase).toBe("live")
  })
})

describe("reconnecting", () => {
  test("#5 waits exponentially longer with jitter up to the cap, and never gives up", () => {
    const shard = new Driven().live().packet(7)
    const waits: number[] = [shard.timer("reconnect") ?? -1]
    for (let i = 0; i < 40; i += 1) {
      shard.give({ type: "timer", timer: "reconnect" }).give({ type: "closed", code: 1006 })
      waits.push(shard.timer("reconnect") ?? -1)
    }
    expect(waits.slice(0, 4)).toEqual([0, 750, 1_500, 3_000])
    expect(waits.at(-1)).toBe(RECONNECT_BACKOFF.capMs * 0.75)
    const spread = new Driven()
      .know({ random: () => 0 })
      .live()
      .packet(7)
      .give({ type: "timer", timer: "reconnect" })
    expect(spread.give({ type: "closed", code: 1006 }).timer("reconnect")).toBe(500)
  })

  test("#5 the backoff starts anew only after a connection has held for a heartbeat", () => {
    const shard = new Driven().live().packet(7).give({ type: "timer", timer: "reconnect" }).give({ type: "open" })
    shard.packet(10, { heartbeat_interval: 40_000 }).packet(0, {}, "RESUMED")
    expect(shard.state.attempt).toBe(1)
    expect(shard.packet(11).state.attempt).toBe(0)
  })

  test("#6 a dead resume host is given up for the gateway's own url, still to resume", () => {
    const shard = new Driven(SESSION).give({ type: "start" }).give({ type: "closed", code: 1006 })
    shard.give({ type: "timer", timer: "reconnect" })
    expect(shard.effect("connect")).toEqual({ type: "connect", baseUrl: GATEWAY_URL, resume: true })
    shard.give({ type: "closed", code: 1006 }).give({ type: "timer", timer: "reconnect" })
    expect(shard.effect("connect")?.baseUrl).toBe(RESUME_URL)
  })

  test("#7 resumes that bring nothing are tried a few times, then it identifies and tells of the gap", () => {
    const shard = new Driven(SESSION).know({ sequence: 7 })
    shard.give({ type: "start" })
    for (let failures = 1; failures < MAX_RESUME_FAILURES; failures += 1) {
      shard.give({ type: "open" }).packet(10, { heartbeat_interval: 40_000 }).give({ type: "closed", code: 4000 })
      expect(shard.state.resumeFailures).toBe(failures)
      expect(shard.give({ type: "timer", timer: "reconnect" }).effect("connect")?.resume).toBe(true)
    }
    shard.give({ type: "open" }).packet(10, { heartbeat_interval: 40_000 }).give({ type: "closed", code: 4000 })
    expect(shard.effect("gap")).toEqual({ type: "gap", sessionId: "abc", lastSequence: 7 })
    expect(shard.give({ type: "timer", timer: "reconnect" }).effect("connect")?.resume).toBe(false)
  })

  test("#7 failures of before a restart count, a replayed event forgives them, a cut line is none", () => {
    const stored = { ...SESSION, resumeFailures: MAX_RESUME_FAILURES - 1 }
    const failing = new Driven(stored).greeted().give({ type: "closed", code: 4000 })
    expect(failing.effect("gap")).toBeDefined()
    const replaying = new Driven(stored).greeted().know({ sequence: 5 }).give({ type: "closed", code: 4000 })
    expect(replaying.state.resumeFailures).toBe(0)
    const cutOff = new Driven(stored).give({ type: "start" }).give({ type: "closed", code: 1006 })
    expect(cutOff.effect("gap")).toBeUndefined()
  })

  test("#9 no way of leaving a connection uses 1000 or 1001", () => {
    const endings = [
      new Driven().live().packet(7),
      new Driven().live().packet(9, true),
      new Driven().live().packet(9, false),
      new Driven().live().give({ type: "corrupt", reason: "garbage" }),
      new Driven().live().give({ type: "hold" }),
      new Driven().live().give({ type: "stop" }),
      new Driven().give({ type: "start" }).give({ type: "timer", timer: "dial" }),
    ]
    for (const shard of endings) expect(shard.effect("close")?.code).toBe(4900)
  })

  test("#10 op 7 before Hello, or with no close after it, reconnects and resumes at once", () => {
    const early = new Driven(SESSION).give({ type: "start" }).give({ type: "open" }).packet(7)
    expect(early.timer("reconnect")).toBe(0)
    const live = new Driven().live().packet(7)
    expect(live.effect("close")).toBeDefined()
    expect(live.timer("reconnect")).toBe(0)
    expect(live.give({ type: "timer", timer: "reconnect" }).effect("connect")?.resume).toBe(true)
  })

  test("#11 op 9 true resumes", () => {
    const shard = new Driven().live().packet(9, true)
    expect(shard.effect("gap")).toBeUndefined()
    expect(shard.give({ type: "timer", timer: "reconnect" }).effect("connect")?.resume).toBe(true)
  })

  test("#11 op 9 false drops the session and identifies after 1 to 5 s", () => {
    for (const [random, waitMs] of [
      [0, 1_000],
      [0.5, 3_000],
      [0.999_999, 4_999.996],
    ] as const) {
      const shard = new Driven()
        .live()
        .know({ random: () => random, sequence: 3 })
        .packet(9, false)
      expect(shard.timer("reconnect")).toBeCloseTo(waitMs)
      expect(shard.effect("gap")).toEqual({ type: "gap", sessionId: "abc", lastSequence: 3 })
      shard.give({ type: "timer", timer: "reconnect" })
      expect(shard.effect("connect")).toEqual({ type: "connect", baseUrl: GATEWAY_URL, resume: false })
    }
  })

  test("op 9 false for an identify that came too early tells of no gap", () => {
    const shard = new Driven().greeted().give({ type: "turn" }).packet(9, false)
    expect(shard.effect("gap")).toBeUndefined()
    expect(shard.state.phase).toBe("waiting")
  })

  test("#12 #20 what cannot be decoded ends the connection and resumes", () => {
    const shard = new Driven().live().give({ type: "corrupt", reason: "bad frame" })
    expect(shard.effect("close")).toBeDefined()
    expect(shard.give({ type: "timer", timer: "reconnect" }).effect("connect")?.resume).toBe(true)
  })

  test("gives its place in the identify queue up with the connection", () => {
    expect(new Driven().greeted().give({ type: "closed", code: 4000 }).effect("leave-queue")).toBeDefined()
  })
})

describe("close codes", () => {
  test.each([4000, 4001, 4002, 4003, 4005, 4008, 1000, 1001, 1006, 4999])("%d resumes", (code) => {
    const shard = new Driven().live().give({ type: "closed", code })
    expect(shard.give({ type: "timer", timer: "reconnect" }).effect("connect")?.resume).toBe(true)
  })

  test.each([4007, 4009])("%d identifies and tells of the gap", (code) => {
    const shard = new Driven().live().give({ type: "closed", code })
    expect(shard.effect("gap")).toBeDefined()
    expect(shard.give({ type: "timer", timer: "reconnect" }).effect("connect")?.resume).toBe(false)
  })

  test.each([4004, 4010, 4011, 4012, 4013, 4014])("%d stops for good and says what to change", (code) => {
    const shard = new Driven().greeted().give({ type: "turn" }).give({ type: "closed", code })
    expect(shard.state.phase).toBe("stopped")
    expect(shard.effect("stopped")?.remedy).toMatch(/\.$/)
    expect(shard.give({ type: "timer", timer: "reconnect" }).effects).toEqual([])
  })
})

describe("the broker's pace", () => {
  test("a held shard keeps its session and waits for release, not for a timer", () => {
    const shard = new Driven().live().give({ type: "hold" })
    expect(shard.state.phase).toBe("held")
    expect(shard.timer("reconnect")).toBeUndefined()
    expect(shard.give({ type: "release" }).effect("connect")?.resume).toBe(true)
  })

  test("being held while resuming is no failure of the resume", () => {
    expect(new Driven(SESSION).greeted().give({ type: "hold" }).state.resumeFailures).toBe(0)
  })

  test("release means nothing to a shard that is not held", () => {
    expect(new Driven().live().give({ type: "release" }).effects).toEqual([])
  })
})

describe("an operator's restart", () => {
  test("closes the connection and resumes at once", () => {
    const shard = new Driven().live().give({ type: "packet", packet: { op: 11, d: null, s: null, t: null } })
    shard.give({ type: "restart" })
    expect(shard.effect("close")).toBeDefined()
    expect(shard.timer("reconnect")).toBe(0)
    expect(shard.give({ type: "timer", timer: "reconnect" }).effect("connect")?.resume).toBe(true)
  })

  test("cuts a backoff short", () => {
    const shard = new Driven().live().give({ type: "closed", code: 4000 }).give({ type: "restart" })
    expect(shard.effect("connect")?.resume).toBe(true)
    expect(shard.give({ type: "timer", timer: "reconnect" }).effects).toEqual([])
  })

  test("is no failure of the resume that it ends", () => {
    expect(new Driven(SESSION).greeted().give({ type: "restart" }).state.resumeFailures).toBe(0)
  })

  test("means nothing to a shard that is not started, waits for the broker, or has just identified", () => {
    expect(new Driven().give({ type: "restart" }).effects).toEqual([])
    expect(new Driven().live().give({ type: "hold" }).give({ type: "restart" }).effects).toEqual([])
    expect(new Driven().greeted().give({ type: "turn" }).give({ type: "restart" }).effects).toEqual([])
  })
})
