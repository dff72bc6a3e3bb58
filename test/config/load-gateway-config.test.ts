import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { loadGatewayConfig } from "../../src/config/load-gateway-config.ts"
import { ConfigError } from "../../src/config/problem.ts"
import { TOKEN } from "../fixtures/gateway-config.ts"

describe("loadGatewayConfig", () => {
  let folder = ""
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "spectacles-config-"))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test("reads the file that --config names, and the token's file", () => {
    const configFile = join(folder, "my.toml")
    writeFileSync(join(folder, "token"), `${TOKEN}\n`)
    writeFileSync(configFile, `token_file = "${folder}/token"\nevents = ["READY"]\nintents = []\n`)
    const { config } = loadGatewayConfig({ configFile, env: {}, isTerminal: false })
    expect(config.token.reveal()).toBe(TOKEN)
    expect(config.events).toEqual(["READY"])
  })

  test("does without gateway.toml", () => {
    const env = { DISCORD_TOKEN: TOKEN, DISCORD_EVENTS: "READY", DISCORD_RAW_INTENTS: "0" }
    expect(loadGatewayConfig({ env, isTerminal: false }).config.intents).toBe(0)
  })

  test("#36 says which file cannot be read", () => {
    const configFile = join(folder, "missing.toml")
    expect(() => loadGatewayConfig({ configFile, env: {}, isTerminal: false })).toThrow(
      `${configFile}: cannot be read (ENOENT): give --config the path of a TOML file.`,
    )
    expect(() => loadGatewayConfig({ configFile: folder, env: {}, isTerminal: false })).toThrow(ConfigError)
  })
})
