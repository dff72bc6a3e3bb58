import { beforeEach, describe, expect, test } from "bun:test"
import { seededRandom } from "../../../src/simulator/corpus/random.ts"
import { HttpConnection, type HttpLink, type HttpService } from "../../../src/simulator/http/connection.ts"
import { jsonReply, type Reply } from "../../../src/simulator/http/reply.ts"
import type { RequestHead } from "../../../src/simulator/http/request.ts"

/** A socket that takes so many bytes and then waits for `drain`. */
class FakeLink implements HttpLink {
  sent = ""
  state: "open" | "paused" | "ended" | "terminated" = "open"
  room = Number.POSITIVE_INFINITY

  write(data: string | Buffer): number {
    const bytes = Buffer.from(data)
    const taken = Math.min(this.room, bytes.length)
    this.room -= taken
    this.sent += bytes.toString("utf8", 0, taken)
    return taken
  }
  end(): void {
    this.state = "ended"
  }
  terminate(): void {
    this.state = "terminated"
  }
  pause(): void {
    this.state = "paused"
  }
  resume(): void {
    this.state = "open"
  }
}

interface Asked {
  readonly head: RequestHead
  readonly body: string
  readonly reply: (reply: Reply) => void
}

let link: FakeLink
let asked: Asked[]
let connection: HttpConnection
let cutAtHead: boolean

beforeEach(() => {
  link = new FakeLink()
  asked = []
  cutAtHead = false
  connection = new HttpConnection(
    link,
    {
      begin: () => (cutAtHead ? "cut" : "read"),
      answer: (head, body, reply) => asked.push({ head, body: body.toString(), reply }),
    },
    "10.0.0.1",
  )
})

function receive(...parts: string[]): void {
  for (const part of parts) connection.receive(Buffer.from(part))
}

function head(lines: readonly string[], start = "POST /api/v10/x?a=1&a=2 HTTP/1.1"): string {
  return `${[start, "Host: h", ...lines].join("\r\n")}\r\n\r\n`
}

describe("a request", () => {
  test("is read whole, wherever its bytes are split", () => {
    const text = `${head(["Content-Length: 5", "X-Two: a", "x-two: b"])}hello`
    for (let at = 1; at < text.length; at++) {
      const { length } = asked
      receive(text.slice(0, at), text.slice(at))
      const { head: request, body, reply } = asked[length] ?? ({} as Asked)
      expect(request).toMatchObject({ method: "POST", path: "/api/v10/x", search: "?a=1&a=2", ip: "10.0.0.1" })
      expect([body, request.headers.get("x-two")]).toEqual(["hello", "a, b"])
      reply(jsonReply(200, {}))
    }
  })

  test("may come in chunks, with extensions and trailers", () => {
    const text = `${head(["Transfer-Encoding: chunked"])}5;x=y\r\nhello\r\n7\r\n, world\r\n0\r\nTrailer: t\r\n\r\n`
    for (let at = 1; at < text.length; at++) {
      receive(text.slice(0, at), text.slice(at))
      expect(asked.at(-1)?.body).toBe("hello, world")
      asked.at(-1)?.reply(jsonReply(200, {}))
    }
  })

  test("is told to continue when it asks", () => {
    receive(head(["Content-Length: 2", "Expect: 100-continue"]))
    expect(link.sent).toBe("HTTP/1.1 100 Continue\r\n\r\n")
    receive("ok")
    expect(asked[0]?.body).toBe("ok")
  })

  test("waits until the one before is answered", async () => {
    receive(`${head([], "GET /1 HTTP/1.1")}${head([], "GET /2 HTTP/1.1")}`, head([], "GET /3 HTTP/1.1"))
    expect(asked.map((one) => one.head.path)).toEqual(["/1"])
    asked[0]?.reply(jsonReply(200, 1))
    await Promise.resolve()
    expect(asked.map((one) => one.head.path)).toEqual(["/1", "/2"])
    asked[1]?.reply(jsonReply(200, 2))
    await Promise.resolve()
    asked[2]?.reply(jsonReply(200, 3))
    expect(link.sent.match(/\r\n\r\n\d/g)).toEqual(["\r\n\r\n1", "\r\n\r\n2", "\r\n\r\n3"])
  })

  test("that comes ahead in bulk is not read on", async () => {
    receive(head([], "GET /1 HTTP/1.1"), head(["Content-Length: 3000000"]), "x".repeat(1_500_000))
    expect(link.state).toBe("paused")
    asked[0]?.reply(jsonReply(200, 1))
    await Promise.resolve()
    expect(link.state).toBe("open")
    receive("x".repeat(1_500_000))
    expect(asked[1]?.body).toHaveLength(3_000_000)
  })

  test.each([
    ["GET nothing HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/2\r\n\r\n", 400],
    ["GET / / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nno colon\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nName : value\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413],
    ["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnine\r\n", 400],
    ["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400],
    ["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413],
    [`GET / HTTP/1.1\r\nX: ${"x".repeat(70_000)}`, 431],
  ])("that is not HTTP (%j) is refused, and the connection ends", (text, status) => {
    receive(text)
    expect(link.sent).toStartWith(`HTTP/1.1 ${status} `)
    expect(link.state).toBe("ended")
    expect(asked).toEqual([])
    receive(head([]))
    expect(asked).toEqual([])
  })

  test("that is spoilt anywhere, in any pieces, is answered or refused, and never throws", () => {
    const random = seededRandom(1)
    const whole = Buffer.from(
      `${head(["Transfer-Encoding: chunked"])}5\r\nhello\r\n0\r\n\r\n${head(["Content-Length: 3"])}abc`,
    )
    for (let round = 0; round < 5_000; round++) {
      const spoilt = Buffer.from(whole)
      for (let n = random.below(3); n >= 0; n--) spoilt[random.below(spoilt.length)] = random.below(256)
      const fresh = new FakeLink()
      const service: HttpService = { begin: () => "read", answer: (_head, _body, reply) => reply(jsonReply(200, {})) }
      const spoiling = new HttpConnection(fresh, service, "10.0.0.1")
      for (let at = 0; at < spoilt.length; ) {
        const end = at + random.between(1, spoilt.length)
        spoiling.receive(spoilt.subarray(at, end))
        at = end
      }
      expect(fresh.sent).toMatch(/^(HTTP\/1\.1 [24]\d\d |$)/)
    }
  })

  test("may be cut off before its body", () => {
    cutAtHead = true
    receive(head(["Content-Length: 5"]))
    expect([link.state, link.sent, asked.length]).toEqual(["terminated", "", 0])
  })
})

describe("a reply", () => {
  const request = head([], "GET / HTTP/1.1")

  test("has its length in bytes", () => {
    receive(request)
    asked[0]?.reply({ type: "whole", status: 200, headers: "Content-Type: application/json\r\n", body: '"👍é"' })
    expect(link.sent).toBe('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n"👍é"')
  })

  test("without a body has no length", () => {
    receive(request)
    asked[0]?.reply({ type: "whole", status: 204, headers: "", body: null })
    expect(link.sent).toBe("HTTP/1.1 204 No Content\r\n\r\n")
  })

  test("to HEAD is a head", () => {
    receive(head([], "HEAD / HTTP/1.1"))
    asked[0]?.reply(jsonReply(200, { a: 1 }))
    expect(link.sent).toEndWith("Content-Length: 7\r\n\r\n")
  })

  test("ends the connection when the client wants that, after its last byte", () => {
    link.room = 20
    receive(head(["Connection: close"]))
    asked[0]?.reply(jsonReply(200, "x".repeat(100)))
    expect(link.state).toBe("open")
    link.room = 1_000
    connection.drain()
    expect(link.sent).toEndWith('x"')
    expect(link.state).toBe("ended")
  })

  test("is sent on as the client takes it", () => {
    link.room = 0
    receive(request)
    asked[0]?.reply({ type: "whole", status: 200, headers: "", body: "x".repeat(2_500) })
    expect(link.sent).toBe("")
    for (let turn = 0; turn < 3; turn++) {
      link.room = 1_000
      connection.drain()
    }
    expect(link.sent).toEndWith(`\r\n\r\n${"x".repeat(2_500)}`)
  })

  test("that streams is made no faster than it is taken", () => {
    let made = 0
    link.room = 250
    receive(request)
    asked[0]?.reply({
      type: "stream",
      status: 200,
      headers: "",
      bytes: 1_000,
      part: (offset) => {
        made = offset + 100
        return Buffer.alloc(100, "x")
      },
    })
    expect(made).toBe(300)
    link.room = 10_000
    connection.drain()
    expect(link.sent.split("\r\n\r\n")[1]).toBe("x".repeat(1_000))
    receive(request)
    expect(asked).toHaveLength(2)
  })

  test("may be cut off half-way", () => {
    receive(request)
    asked[0]?.reply({ type: "half", status: 200, headers: "", body: "12345678" })
    expect(link.sent).toBe("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n1234")
    expect(link.state).toBe("ended")
  })

  test("is dropped when the client is gone", () => {
    receive(request)
    connection.lost()
    asked[0]?.reply(jsonReply(200, {}))
    expect(link.sent).toBe("")
  })
})
