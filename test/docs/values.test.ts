// Configuration and messages in the documentation are what the services read.

import { describe, expect, test } from "bun:test"
import { readText } from "../../src/config/config-file.ts"
import { ConfigError, formatProblem } from "../../src/config/problem.ts"
import { readProxyConfig } from "../../src/config/read-proxy-config.ts"
import { problemsOf } from "../fixtures/gateway-config.ts"
import { BLOCKS, blocksIn } from "./code-blocks.ts"

/** Languages that some test looks at, and those that hold nothing to run. */
const LANGUAGES = ["toml", "json", "yaml", "ts", "js", "sh", "python", "promql", "text", "diff", ""]
/** Blocks that show a part of a proxy's file. */
const PROXY_PAGES = ["docs/proxy.md"]

test("every code block is of a language that is checked", () => {
  const others = BLOCKS.filter(({ language }) => !LANGUAGES.includes(language))
  expect(others.map(({ page, line, language }) => `${page}:${line} ${language}`)).toEqual([])
})

describe("toml", () => {
  test.each(blocksIn("toml"))("%s can be read", (_where, { page, text }) => {
    const isProxys = PROXY_PAGES.includes(page) || text.includes("proxy.toml")
    expect(isProxys ? proxyProblemsOf(text) : problemsOf(text.replaceAll(/"your (bot's )?token"/g, '"abc"'))).toEqual(
      [],
    )
  })
})

describe("json", () => {
  test.each(blocksIn("json"))("%s is JSON, as a whole or line by line", (_where, { text }) => {
    const documents = text.startsWith("{\n") ? [text] : text.split("\n")
    for (const document of documents) expect(() => JSON.parse(document)).not.toThrow()
  })
})

describe("yaml", () => {
  test.each(blocksIn("yaml"))("%s is YAML", (_where, { text }) => {
    expect(() => Bun.YAML.parse(text)).not.toThrow()
  })
})

function proxyProblemsOf(text: string): readonly string[] {
  try {
    readProxyConfig({ file: { name: "proxy.toml", text }, env: {}, readText, isTerminal: false })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(formatProblem)
    throw error
  }
}
