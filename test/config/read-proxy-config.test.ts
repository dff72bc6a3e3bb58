import { describe, expect, test } from "bun:test"
import { readText } from "../../src/config/config-file.ts"
import { ConfigError, formatProblem } from "../../src/config/problem.ts"
import { readProxyConfig } from "../../src/config/read-proxy-config.ts"
import type { Environment } from "../../src/config/settings.ts"

const TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"

function read(text = "", env: Environment = {}) {
  return readProxyConfig({ file: { name: "proxy.toml", text }, env, readText, isTerminal: false })
}

function problemsOf(text: string, env: Environment = {}): string[] {
  try {
    read(text, env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(formatProblem)
    throw error
  }
}

describe("the proxy's configuration", () => {
  test("needs nothing at all", () => {
    const { config, warnings } = readProxyConfig({ file: null, env: {}, readText, isTerminal: true })
    expect(warnings).toEqual([])
    expect(config).toMatchObject({
      shutdownTimeoutMs: 10_000,
      coalesce: false,
      http: { hostname: "127.0.0.1", port: 8_080 },
      discord: { scheme: "https", host: "discord.com", apiVersion: 10 },
      limits: { globalPerSecond: 50 },
      broker: null,
      metrics: { path: "/metrics" },
      log: { level: "info", format: "pretty" },
    })
    expect(config.timeoutMs).toBeUndefined()
    expect(Object.isFrozen(config.limits)).toBe(true)
  })

  test.each([
    ['timeout = "2min"', { TIMEOUT: "2m" }, { timeoutMs: 120_000 }],
    ["coalesce = true", { PROXY_COALESCE: "true" }, { coalesce: true }],
    ['[http]\naddress = ":9000"', { PROXY_ADDRESS: "9000" }, { http: { hostname: "0.0.0.0", port: 9_000 } }],
    ['[discord]\nhost = "localhost:1"', { DISCORD_API_HOST: "localhost:1" }, { discord: { host: "localhost:1" } }],
    ['[discord]\nscheme = "http"', { DISCORD_API_SCHEME: "http" }, { discord: { scheme: "http" } }],
    ["[discord]\napi_version = 9", { DISCORD_API_VERSION: "9" }, { discord: { apiVersion: 9 } }],
    ["[limits]\nglobal = 500", { PROXY_GLOBAL_LIMIT: "500" }, { limits: { globalPerSecond: 500 } }],
    ['[metrics]\naddr = ":9090"', { METRICS_ADDR: ":9090" }, { metrics: { address: { port: 9_090 } } }],
    ['[metrics]\npath = "/m"', { METRICS_PATH: "/m" }, { metrics: { path: "/m" } }],
    [
      '[redis]\nurl = "localhost"',
      { REDIS_URL: "localhost" },
      { broker: { type: "redis", group: "proxy", event: "REQUEST" } },
    ],
  ])("takes %s from the file, or from its variable", (text, env, part) => {
    expect(read(text).config).toMatchObject(part)
    expect(read("", env).config).toMatchObject(part)
  })

  test("takes an empty timeout for none", () => {
    expect(read('timeout = ""').config.timeoutMs).toBeUndefined()
  })

  test("takes limits of single bots from a table or a variable", () => {
    const expected = new Map([["81384788765712384", 500]])
    expect(read("[limits.bots]\n81384788765712384 = 500").config.limits.botsPerSecond).toEqual(expected)
    expect(read("", { PROXY_BOT_LIMITS: "81384788765712384=500" }).config.limits.botsPerSecond).toEqual(expected)
  })

  test.each<readonly [string, Environment, object]>([
    ["", {}, { type: "memory" }],
    ["", { REDIS_URL: "localhost" }, { type: "redis", address: "default" }],
    [
      "",
      { PROXY_LIMITS_REDIS_URL: "one,two", PROXY_LIMITS_ADDRESS: "10.0.0.7" },
      { type: "redis", address: "10.0.0.7" },
    ],
    ['[limits]\nredis_urls = ["one", "two"]', { AMQP_URL: "localhost" }, { type: "redis" }],
    ['[limits]\nstore = "memory"', { REDIS_URL: "localhost" }, { type: "memory" }],
  ])("keeps the limits where %s and %o say", (text, env, store) => {
    expect(read(text, env).config.limits.store).toMatchObject(store)
  })

  test("asks for the URL of a Redis that is to keep the limits, and hides its password", () => {
    expect(problemsOf('[limits]\nstore = "redis"').join("\n")).toContain("limits.redis_urls or redis.url")
    const { settings } = read("", { PROXY_LIMITS_REDIS_URL: "redis://:hunter2@one" })
    expect(JSON.stringify(settings.list())).not.toContain("hunter2")
  })

  test("reports every mistake at once, and shows no token", () => {
    const problems = problemsOf(
      '[http]\nadress = ":1"\n[limits]\nglobal = 0\nbots = "x=y"\n[metrics]\npath = "/limits"',
      {
        DISCORD_API_HOST: `https://${TOKEN}/api`,
        REDIS_URL: "redis://one",
        AMQP_URL: "amqp://two",
      },
    )
    expect(problems.join("\n")).not.toContain(TOKEN)
    for (const key of ["http.adress", "limits.global", "limits.bots", "metrics.path", "discord.host", "amqp.url"]) {
      expect(problems.filter((problem) => problem.includes(key))).toHaveLength(1)
    }
    expect(problems.join("\n")).toContain("Did you mean http.address?")
  })

  test("reads the authority of Redis' certificates for the broker and the limits, and says when it is none", () => {
    const text = '[redis]\nurl = "rediss://localhost"\nca_file = "ca.pem"'
    const files: Record<string, string> = { "ca.pem": "-----BEGIN CERTIFICATE-----" }
    const from = (given: string) =>
      readProxyConfig({
        file: { name: "proxy.toml", text: given },
        env: {},
        readText: (path) => files[path] ?? "nothing of the kind",
        isTerminal: false,
      }).config
    expect(from(text)).toMatchObject({ broker: { ca: files["ca.pem"] }, limits: { store: { ca: files["ca.pem"] } } })
    expect(() => from(text.replace("ca.pem", "other.pem"))).toThrow("it is not PEM")
  })
})
