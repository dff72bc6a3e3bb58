import { describe, expect, test } from "bun:test"
import { badRequest, failureResponse, refused } from "../../src/proxy/failure.ts"

describe("an answer of the proxy's own", () => {
  test("has Discord's shape, a header that names the proxy, and an honest time to come back", async () => {
    const response = failureResponse(refused({ type: "refused", reason: "deadline", retryAfterMs: 1_234 }))
    expect(response.status).toBe(429)
    expect(response.headers.get("x-spectacles-proxy")).toBe("deadline")
    expect(response.headers.get("retry-after")).toBe("2")
    expect(await response.json()).toEqual({
      message: expect.stringMatching(/\.$/),
      retry_after: 1.234,
      global: false,
      code: 0,
    })
  })

  test("names no time where trying again is of no use", async () => {
    const response = failureResponse(badRequest("Cannot pass on this path: it is odd."))
    expect(response.headers.get("retry-after")).toBeNull()
    expect(await response.json()).toEqual({ message: "Cannot pass on this path: it is odd.", code: 0 })
  })
})
