import { expect, test } from "bun:test"
import { acceptResponse, readHandshake } from "../../../src/simulator/websocket/handshake.ts"

const REQUEST =
  "GET /?v=10&encoding=json HTTP/1.1\r\nHost: localhost:1\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

test("a request is partial until its last byte, and what follows it is kept", () => {
  const bytes = Buffer.from(REQUEST)
  for (let end = 0; end < bytes.length; end++) expect(readHandshake(bytes.subarray(0, end)).type).toBe("partial")
  const handshake = readHandshake(Buffer.from(`${REQUEST}rest`))
  expect(handshake).toMatchObject({
    type: "complete",
    request: { path: "/", host: "localhost:1", key: "dGhlIHNhbXBsZSBub25jZQ==" },
    rest: Buffer.from("rest"),
  })
})

test("the key is answered as in the example of RFC 6455", () => {
  expect(acceptResponse("dGhlIHNhbXBsZSBub25jZQ==")).toContain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")
})

test.each([
  ["a plain GET", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "426"],
  ["a POST", REQUEST.replace("GET", "POST"), "426"],
  ["garbage", "\u0016\u0003\u0001\r\n\r\n", "426"],
  ["a head without an end", "x".repeat(20_000), "431"],
])("%s is refused", (_, text, status) => {
  const handshake = readHandshake(Buffer.from(text))
  expect(handshake.type === "refused" ? handshake.response : "").toStartWith(`HTTP/1.1 ${status} `)
})
