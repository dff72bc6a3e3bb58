// What one server is sent, and sent again, with a connection in the test's hands and a clock that it moves.

import { beforeEach, describe, expect, test } from "bun:test"
import type { Connect, ConnectionEvents } from "../../../src/brokers/redis/connection.ts"
import { Lane } from "../../../src/brokers/redis/lane.ts"
import { single } from "../../../src/brokers/redis/parts.ts"
import { RedisServer, type ServerState } from "../../../src/brokers/redis/server.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { RecordingLogger } from "../../fixtures/recording-logger.ts"

const ADDRESS = { hostname: "redis", port: 6_379, tls: false, username: "", password: "", database: 0 }
const OOM = "OOM command not allowed when used memory > 'maxmemory'."

interface FakeConnection {
  readonly events: ConnectionEvents
  /** The keys of each write. */
  readonly written: string[][]
  closed: string | null
}

let clock: FakeClock
let log: RecordingLogger
let connections: FakeConnection[]
let failure: Error | null
let states: ServerState[]
let server: RedisServer
let lane: Lane
let confirmed: string[]

const connect: Connect = (_address, events) => {
  const connection: FakeConnection = { events, written: [], closed: null }
  connections.push(connection)
  return {
    write: (bytes) => connection.written.push(keysOf(bytes)),
    close(reason) {
      if (connection.closed !== null) return
      connection.closed = reason
      events.closed(reason)
    },
  }
}

/** `a`, `b` for commands `SET a`, `SET b`; MULTI and EXEC as such. */
function keysOf(bytes: Uint8Array): string[] {
  return Buffer.from(bytes)
    .toString()
    .split("\r\n")
    .filter((word) => word !== "" && !/^[*$]\d/.test(word))
    .filter((word) => word !== "SET")
}

function publish(...keys: readonly string[]): void {
  for (const key of keys) {
    const { part, settled } = single(key, Buffer.from(`*2\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n`))
    lane.push(part)
    settled.then(
      () => confirmed.push(key),
      () => {},
    )
  }
  server.wake()
}

function current(): FakeConnection {
  const connection = connections.at(-1)
  if (connection === undefined) throw new Error("nothing was dialled")
  return connection
}

/** Answers the round that is in flight. @param errors by the reply's position */
async function answer(replies: number, errors: Readonly<Record<number, string>> = {}): Promise<void> {
  const { events } = current()
  for (let index = 0; index < replies; index += 1) {
    const error = errors[index]
    if (error !== undefined) events.error(error, -1)
    events.reply(null)
  }
  await Promise.resolve()
  await Promise.resolve()
}

beforeEach(() => start())

function start(options: { readonly replicas?: number } = {}): void {
  clock = new FakeClock()
  log = new RecordingLogger()
  connections = []
  failure = null
  states = []
  confirmed = []
  lane = new Lane()
  server = new RedisServer({
    address: ADDRESS,
    connect,
    clock,
    random: () => 0.5,
    log,
    ...options,
    on: {
      ready: () => {},
      state: (_server, state) => states.push(state),
      lost: () => {},
      moved: () => {},
      failed: (error) => {
        failure = error
      },
    },
  })
  server.add(lane)
}

describe("a server", () => {
  beforeEach(() => current().events.ready())

  test("is sent one command as it is, and several as one transaction", async () => {
    publish("a")
    await answer(1)
    publish("b")
    publish("c", "d")
    await answer(1)
    expect(current().written).toEqual([["a"], ["b"], ["MULTI", "c", "d", "EXEC"]])
    await answer(4)
    expect(confirmed).toEqual(["a", "b", "c", "d"])
  })

  test("has one round in flight", async () => {
    publish("a")
    publish("b")
    publish("c")
    expect(current().written).toEqual([["a"]])
  })

  test("#29 is sent the whole transaction again after a pause, when one command of it was refused, and nothing passes it", async () => {
    publish("a")
    publish("b", "c", "d")
    await answer(1)
    await answer(5, { 2: OOM, 4: "EXECABORT Transaction discarded because of previous errors." })
    publish("e")
    expect(confirmed).toEqual(["a"])
    expect(current().written.length).toBe(2)
    clock.advance(2_000)
    expect(current().written.at(-1)).toEqual(["MULTI", "b", "c", "d", "e", "EXEC"])
    await answer(6)
    expect(confirmed).toEqual(["a", "b", "c", "d", "e"])
    expect(failure).toBeNull()
  })

  test("#29 is tried again and again while it refuses, ever more seldom, and the log says so once", async () => {
    publish("a")
    for (let tries = 0; tries < 20; tries += 1) {
      await answer(1, { 0: "LOADING Redis is loading the dataset in memory" })
      clock.advance(2_000)
    }
    expect(current().written.length).toBe(21)
    await answer(1)
    expect(confirmed).toEqual(["a"])
    expect(log.messages()).toEqual([
      "Redis takes no events: they wait, and it is tried again and again",
      "Redis takes events again",
    ])
    expect(states).toEqual(["up", ...Array<ServerState>(20).fill("blocked"), "up"])
  })

  test("#27 is sent what was in flight again, first, on the next connection", async () => {
    publish("a")
    publish("b")
    current().events.closed("ECONNRESET")
    clock.advance(0)
    expect(connections.length).toBe(2)
    current().events.ready()
    expect(current().written).toEqual([["MULTI", "a", "b", "EXEC"]])
    await answer(4)
    expect(confirmed).toEqual(["a", "b"])
  })

  test("#29 that is a replica now is left for another connection", async () => {
    publish("a")
    await answer(1, { 0: "READONLY You can't write against a read only replica." })
    expect(current().closed).toContain("READONLY")
    clock.advance(2_000)
    expect(connections.length).toBe(2)
  })

  test("#26 that does not answer within 10 s is given up for another connection", () => {
    publish("a")
    clock.advance(9_999)
    expect(connections.length).toBe(1)
    clock.advance(1)
    expect(connections[0]?.closed).toBe("no answer within 10 s")
    clock.advance(5_000)
    expect(connections.length).toBe(2)
  })

  test("is not watched while nothing is in flight", async () => {
    publish("a")
    await answer(1)
    clock.advance(60_000)
    expect(connections.length).toBe(1)
  })

  test.each([
    ["WRONGTYPE Operation against a key holding the wrong kind of value", /another program keeps something else/],
    ["NOPERM this user has no permissions", /let the user run XADD/],
    ["ERR syntax error", /it needs Redis 6\.2 or newer/],
    ["SOMETHING new", /mend that on the server/],
  ])("#36 that answers %p ends the broker with a sentence that names the key", async (text, advice) => {
    publish("a")
    publish("b", "MESSAGE_CREATE", "c")
    await answer(1)
    await answer(5, { 2: text, 4: "EXECABORT Transaction discarded because of previous errors." })
    expect(failure?.message).toStartWith(`Cannot write to the key MESSAGE_CREATE on Redis at redis://redis:6379`)
    expect(failure?.message).toMatch(advice)
    expect(confirmed).toEqual(["a"])
  })

  test("#36 names the key too when only EXEC finds it", async () => {
    publish("x")
    publish("a", "b")
    await answer(1)
    const { events } = current()
    for (let queued = 0; queued < 3; queued += 1) events.reply(null)
    events.error("WRONGTYPE no", 1)
    events.reply(null)
    expect(failure?.message).toContain("the key b")
  })
})

describe("a server with replicas", () => {
  async function replicasHave(count: number): Promise<void> {
    current().events.reply(count)
    await Promise.resolve()
    await Promise.resolve()
  }

  beforeEach(() => {
    start({ replicas: 1 })
    current().events.ready()
  })

  test("is asked who has what it executed, before that counts as confirmed", async () => {
    publish("a")
    await answer(1)
    expect(current().written).toEqual([["a"], ["WAIT", "1", "1000"]])
    expect(confirmed).toEqual([])
    publish("b")
    await replicasHave(1)
    expect(confirmed).toEqual(["a"])
    expect(current().written.at(-1)).toEqual(["b"])
  })

  test("is asked again, nothing else is sent, while too few have it", async () => {
    publish("a")
    await answer(1)
    await replicasHave(0)
    publish("b")
    expect(states.at(-1)).toBe("blocked")
    expect(log.messages("warn").length).toBe(1)
    clock.advance(2_000)
    expect(current().written.slice(1)).toEqual([
      ["WAIT", "1", "1000"],
      ["WAIT", "1", "1000"],
    ])
    await replicasHave(2)
    expect(states.at(-1)).toBe("up")
    expect(confirmed).toEqual(["a"])
  })

  test("#29 that is a master no more: what it executed is sent to the next", async () => {
    publish("a")
    await answer(1)
    current().events.error("UNBLOCKED force unblock from blocking operation, instance state changed", -1)
    expect(confirmed).toEqual([])
    clock.advance(2_000)
    current().events.ready()
    expect(connections.length).toBe(2)
    expect(current().written).toEqual([["a"]])
  })
})

describe("a server that cannot be reached", () => {
  test("is dialled again, ever more seldom and never on end", () => {
    for (let tries = 0; tries < 50; tries += 1) {
      current().events.closed("ECONNREFUSED")
      clock.advance(2_000)
    }
    expect(connections.length).toBe(51)
    expect(log.messages("warn").length).toBe(1)
  })

  test("is given up for another connection when the login takes too long", () => {
    clock.advance(5_000)
    expect(connections[0]?.closed).toBe("no answer within 5 s")
  })

  test("#36 because of the password ends the broker with a sentence", () => {
    current().events.refused("WRONGPASS invalid username-password pair or user is disabled.")
    expect(failure?.message).toBe(
      'Cannot log in to Redis at redis://redis:6379: it answers "WRONGPASS invalid username-password pair or user is disabled.". Correct the user or password in redis.url.',
    )
  })

  test("#29 because it is loading is dialled again", () => {
    current().events.refused("LOADING Redis is loading the dataset in memory")
    current().events.closed("LOADING")
    expect(failure).toBeNull()
    clock.advance(2_000)
    expect(connections.length).toBe(2)
  })
})

describe("a shard that is given up", () => {
  const GIVEN_UP = 3
  const reason = new Error("its lease is another process's by now")

  function publishOf(slot: number, key: string): void {
    const { part, settled } = single(key, Buffer.from(`*2\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n`))
    lane.push({ ...part, slot })
    settled.catch(() => {})
    server.wake()
  }

  test("#34 what is on its way is called back with its connection, and only the others' is sent again", () => {
    current().events.ready()
    publishOf(1, "a")
    publishOf(GIVEN_UP, "b")
    publishOf(2, "c")
    // The first alone, then what came meanwhile.
    current().events.reply(null)
    expect(current().written).toEqual([["a"], ["MULTI", "b", "c", "EXEC"]])
    server.drop(GIVEN_UP, reason)
    expect(current().closed).not.toBeNull()
    clock.advance(2_000)
    current().events.ready()
    expect(connections).toHaveLength(2)
    expect(current().written).toEqual([["c"]])
  })

  test("what is not on its way goes without a word: the connection stays", () => {
    current().events.ready()
    publishOf(1, "a")
    publishOf(GIVEN_UP, "b")
    server.drop(GIVEN_UP, reason)
    expect(current().closed).toBeNull()
    current().events.reply(null)
    expect(current().written).toEqual([["a"]])
  })
})
