import { describe, expect, test } from "bun:test"
import { printConfig } from "../../src/config/print-config.ts"
import { read, TOKEN } from "../fixtures/gateway-config.ts"

const FILE = `compression = "zlib"
[presence]
status = "idle"
[[presence.activities]]
name = "chess"
[broker]
type = "redis"
message_timeout = "90s"
[redis]
url = "bot:hunter2@localhost:6379"
[prometheus]
address = ":9090"
`

describe("printConfig", () => {
  const printed = printConfig(read(FILE, { DISCORD_SHARD_COUNT: "4", DISCORD_SHARD_IDS: "0-1" }, { logLevel: "debug" }))

  test("prints each value with its origin", () => {
    expect(printed).toBe(`token = "***" # DISCORD_TOKEN
events = [ "GUILD_CREATE" ] # DISCORD_EVENTS
intents = [ "GUILDS" ] # DISCORD_INTENTS
gateway_version = 10 # default
compression = "zlib" # gateway.toml:1
presence = { status = "idle", afk = false, activities = [ { name = "chess", type = 0 } ] } # gateway.toml:2
codec = "auto" # default
shutdown_timeout = "10s" # default

[shards]
count = 4 # DISCORD_SHARD_COUNT
ids = [ 0, 1 ] # DISCORD_SHARD_IDS
ownership = "config" # default
lease = "10s" # default
reshard_skew = "10s" # default
weight = 1 # default

[identify]
reserve = 50 # default
queue = "memory" # default

[api]
scheme = "https" # default
host = "discord.com" # default
version = 10 # default

[broker]
type = "redis" # gateway.toml:7
group = "gateway" # default
message_timeout = "90s" # gateway.toml:8
format = "msgpack" # default

[redis]
url = "redis://bot:***@localhost:6379" # gateway.toml:10
pool_size = 5 # default
replicas = 0 # default
retention = "1h" # default

[shard_store]
type = "memory" # default
prefix = "gateway" # default

[prometheus]
address = "0.0.0.0:9090" # gateway.toml:12
endpoint = "/metrics" # default

[log]
level = "debug" # --loglevel
format = "json" # default
`)
  })

  test("#35 prints neither the token nor a password", () => {
    expect(printed).not.toContain(TOKEN)
    expect(printed).not.toContain("hunter2")
  })

  test("prints what reads back to the same configuration, but for the secrets", () => {
    const original = read(FILE, { DISCORD_SHARD_COUNT: "4" })
    const again = read(printConfig(original), { DISCORD_TOKEN: undefined, DISCORD_EVENTS: "", DISCORD_INTENTS: "" })
    const plain = (config: unknown) => JSON.parse(JSON.stringify(config))
    expect(plain(again.config)).toEqual(plain(original.config))
  })

  test("prints every setting that has a value", () => {
    expect(printConfig(read("raw_intents = 1\n"))).toContain("raw_intents = 1 # gateway.toml:1")
  })
})
