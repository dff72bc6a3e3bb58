// `spectacles proxy` with settings that cannot work: one sentence, and no stack.

import { expect, test } from "bun:test"
import { startProxyProcess } from "../fixtures/proxy-process.ts"
import { startRedisServer } from "../fixtures/redis-server.ts"

test.each([
  ["a user that the server does not know", "redis://nobody:wrong@"],
  ["a password where the server has none", "redis://:wrong@"],
])("#36 %s is one sentence, and exit code 1", async (_, login) => {
  const redis = await startRedisServer()
  const proxy = await startProxyProcess({
    PROXY_ADDRESS: "127.0.0.1:0",
    REDIS_URL: redis.url.replace("redis://", login),
  })
  try {
    expect(await proxy.exited).toBe(1)
    const errors = await proxy.errors
    expect(errors).toContain("\nCannot log in to Redis at ")
    expect(errors).not.toContain("\n    at ")
  } finally {
    await proxy.stop()
    await redis.stop()
  }
})
