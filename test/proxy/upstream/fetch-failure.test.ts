import { expect, test } from "bun:test"
import { fetchFailure } from "../../../src/proxy/upstream/fetch-failure.ts"
import { freePort } from "../../fixtures/free-port.ts"
import { rawServer } from "../../fixtures/raw-http.ts"

const failureOf = (url: string, init: BunFetchRequestInit = {}) => fetch(url, init).then(() => "none", fetchFailure)

test("a connection that was never made is told from one that broke, with the errors that Bun itself throws", async () => {
  expect(await failureOf(`http://127.0.0.1:${await freePort()}/`)).toBe("unsent")
  expect(await failureOf("http://no-such-host.invalid/")).toBe("unsent")
  const server = await rawServer((socket) => socket.destroy())
  expect(await failureOf(`http://${server.host}/`, { method: "POST", body: "x" })).toBe("broken")
  await server.stop()
  const silent = await rawServer(() => {})
  const stop = new AbortController()
  const late = failureOf(`http://${silent.host}/`, { signal: stop.signal })
  stop.abort()
  expect(await late).toBe("timeout")
  await silent.stop()
})
