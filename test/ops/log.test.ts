import { describe, expect, test } from "bun:test"
import { createLogger, type LogLevel } from "../../src/ops/log.ts"

const TOKEN = 'MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.f00-ba_r/+"quo\\ted ünï'

function recorded(options: { level?: LogLevel; format?: "pretty" | "json" } = {}) {
  const lines: string[] = []
  const logger = createLogger({
    level: options.level ?? "debug",
    format: options.format ?? "json",
    colour: false,
    secrets: [TOKEN, ""],
    write: (line) => lines.push(line),
  })
  return { logger, lines }
}

describe("logger", () => {
  test("writes one JSON object a line, with its level, time, fields and message", () => {
    const { logger, lines } = recorded()
    logger.child({ shard: 3 }).child({ session: "abc" }).warn({ reason: "zombie" }, "The connection is dead.")
    expect(lines).toHaveLength(1)
    expect(lines[0]).toEndWith("\n")
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      level: "warn",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      shard: 3,
      session: "abc",
      reason: "zombie",
      msg: "The connection is dead.",
    })
  })

  test("leaves out what is below its level, and everything when silent", () => {
    const warnings = recorded({ level: "warn" })
    warnings.logger.info({}, "quiet")
    warnings.logger.warn({}, "loud")
    expect(warnings.lines).toHaveLength(1)
    const silent = recorded({ level: "silent" })
    silent.logger.error({}, "nothing")
    expect(silent.lines).toHaveLength(0)
  })

  test("writes an error with its message and its stack", () => {
    const { logger, lines } = recorded()
    logger.error({ err: new Error("outer", { cause: new Error("inner") }) }, "It failed.")
    expect(lines[0]).toContain("outer")
    expect(lines[0]).toContain("inner")
    expect(lines[0]).toContain("log.test.ts")
  })

  test("survives fields that JSON cannot hold", () => {
    const { logger, lines } = recorded()
    const circular: Record<string, unknown> = { big: 2n ** 60n }
    circular["itself"] = circular
    logger.info({ circular }, "odd")
    expect(lines[0]).toContain("odd")
  })

  test("writes readable lines for a terminal", () => {
    const { logger, lines } = recorded({ format: "pretty" })
    logger.info({ shard: 3 }, "Ready.")
    expect(lines.join("")).toMatch(/INFO.*: Ready\. \{"shard":3\}\n$/)
  })
})

describe("#35 the token never appears in a log", () => {
  const places: [string, (logger: ReturnType<typeof recorded>["logger"]) => void][] = [
    ["the message", (logger) => logger.info({}, `identify with ${TOKEN}`)],
    ["a field", (logger) => logger.info({ token: TOKEN }, "x")],
    ["a field's name", (logger) => logger.info({ [TOKEN]: 1 }, "x")],
    ["a nested object", (logger) => logger.info({ packet: { op: 2, d: [{ token: `Bot ${TOKEN}` }] } }, "x")],
    ["a child's field", (logger) => logger.child({ token: TOKEN }).info({}, "x")],
    ["an error's message and stack", (logger) => logger.error({ err: new Error(`bad token ${TOKEN}`) }, "x")],
    ["an error's cause", (logger) => logger.error({ err: new Error("x", { cause: new Error(TOKEN) }) }, "x")],
    ["JSON within a field", (logger) => logger.info({ body: JSON.stringify({ token: TOKEN }) }, "x")],
    ["a URL", (logger) => logger.info({ url: `http://x/?t=${encodeURIComponent(TOKEN)}` }, "x")],
  ]

  for (const format of ["json", "pretty"] as const) {
    test.each(places)(`as ${format}, in %s`, (_, write) => {
      const { logger, lines } = recorded({ format })
      write(logger)
      const text = lines.join("")
      for (const part of ["MTIzNDU2", "f00-ba_r", "quo"]) expect(text).not.toContain(part)
      expect(text).toContain("***")
    })
  }
})
