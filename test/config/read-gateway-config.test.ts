import { describe, expect, test } from "bun:test"
import { GATEWAY_SETTINGS } from "../../src/config/gateway-settings.ts"
import { ConfigError } from "../../src/config/problem.ts"
import { readGatewayConfig } from "../../src/config/read-gateway-config.ts"
import { Secret } from "../../src/config/secret.ts"
import type { Setting } from "../../src/config/settings.ts"
import { problemsOf, read, TOKEN, warningsOf } from "../fixtures/gateway-config.ts"

describe("sources", () => {
  test("needs no more than token, events and intents", () => {
    const { config } = readGatewayConfig({
      file: null,
      env: { DISCORD_TOKEN: TOKEN, DISCORD_EVENTS: "GUILD_CREATE", DISCORD_INTENTS: "GUILD" },
      isTerminal: false,
      readText: () => "",
    })
    expect(config.token.reveal()).toBe(TOKEN)
    expect(JSON.parse(JSON.stringify(config))).toEqual({
      token: "***",
      events: ["GUILD_CREATE"],
      intents: 1,
      gatewayVersion: 10,
      shards: {},
      api: { scheme: "https", host: "discord.com", version: 10 },
      broker: { type: "stdio", group: "gateway", messageTimeoutMs: 120_000, format: "json" },
      prometheus: { endpoint: "/metrics" },
      shardStore: { type: "memory" },
      compression: "auto",
      codec: "auto",
      identifyReserve: 50,
      identifyQueue: { type: "memory" },
      shutdownTimeoutMs: 10_000,
      log: { level: "info", format: "json" },
    })
  })

  test("takes a variable before the file, and the flag before both", () => {
    const file = '[log]\nlevel = "error"\n[broker]\ngroup = "file"\n'
    expect(read(file).config.log.level).toBe("error")
    const both = read(file, { LOG_LEVEL: "debug", BROKER_GROUP: "environment" })
    expect(both.config.log.level).toBe("debug")
    expect(both.config.broker.group).toBe("environment")
    expect(read(file, { LOG_LEVEL: "debug" }, { logLevel: "trace" }).config.log.level).toBe("trace")
  })

  test("takes an empty variable and an empty text for not set", () => {
    const file = '[broker]\ntype = ""\n[shard_store]\ntype = ""\n[prometheus]\naddress = ""\n'
    const { config } = read(file, { BROKER_GROUP: "", DISCORD_SHARD_COUNT: " ", REDIS_URL: "" })
    expect(config.broker).toMatchObject({ type: "stdio", group: "gateway" })
    expect(config.shardStore.type).toBe("memory")
    expect(config.prometheus.address).toBeUndefined()
  })

  test("freezes the whole value", () => {
    const { config } = read("[shards]\ncount = 4\nids = [0]\n[presence]\nstatus = 'idle'\n")
    for (const part of [config, config.shards, config.shards.ids, config.api, config.presence, config.events]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })
})

describe("every key and its variable", () => {
  const cases: readonly (readonly [file: string, env: Readonly<Record<string, string>>, part: object])[] = [
    ["gateway_version = 10", { DISCORD_GATEWAY_VERSION: "10" }, { gatewayVersion: 10 }],
    ["[shards]\ncount = 8", { DISCORD_SHARD_COUNT: "8" }, { shards: { count: 8 } }],
    ["[shards]\ncount = 0", { DISCORD_SHARD_COUNT: "0" }, { shards: {} }],
    [
      "[shards]\ncount = 8\nids = [2, 0]",
      { DISCORD_SHARD_COUNT: "8", DISCORD_SHARD_IDS: "2, 0" },
      { shards: { count: 8, ids: [0, 2] } },
    ],
    [
      '[shards]\ncount = 8\nids = ["0-2", 7]',
      { DISCORD_SHARD_COUNT: "8", DISCORD_SHARD_IDS: "0-2,7" },
      { shards: { count: 8, ids: [0, 1, 2, 7] } },
    ],
    [
      '[presence]\nstatus = "idle"\n[[presence.activities]]\nname = "chess"\ntype = 5',
      { DISCORD_PRESENCE: '{"status": "idle", "activities": [{"name": "chess", "type": 5}]}' },
      { presence: { status: "idle", activities: [{ name: "chess", type: 5 }], since: null, afk: false } },
    ],
    [
      '[presence]\nsince = 1700000000000\nafk = true\n[presence.game]\nname = "test"\ntype = 0\nstate = "kept"',
      { DISCORD_PRESENCE: '{"since": 1700000000000, "afk": true, "game": {"name": "test", "state": "kept"}}' },
      {
        presence: {
          status: "online",
          activities: [{ name: "test", type: 0, state: "kept" }],
          since: 1_700_000_000_000,
          afk: true,
        },
      },
    ],
    ['[api]\nscheme = "http"', { DISCORD_API_SCHEME: "http" }, { api: { scheme: "http" } }],
    ['[api]\nscheme = "http"', { DISCORD_API_PROTOCOL: "http" }, { api: { scheme: "http" } }],
    ['[api]\nhost = "localhost:3000"', { DISCORD_API_HOST: "localhost:3000" }, { api: { host: "localhost:3000" } }],
    ["[api]\nversion = 9", { DISCORD_API_VERSION: "9" }, { api: { version: 9 } }],
    ['[broker]\ntype = "stdio"', { BROKER_TYPE: "stdio" }, { broker: { type: "stdio", format: "json" } }],
    ['[broker]\ngroup = "bots"', { BROKER_GROUP: "bots" }, { broker: { group: "bots" } }],
    [
      '[broker]\nmessage_timeout = "1h30m"',
      { BROKER_MESSAGE_TIMEOUT: "90min" },
      { broker: { messageTimeoutMs: 5_400_000 } },
    ],
    ['[broker]\nformat = "msgpack"', { BROKER_FORMAT: "msgpack" }, { broker: { format: "msgpack" } }],
    [
      '[prometheus]\naddress = ":8080"',
      { PROMETHEUS_ADDRESS: ":8080" },
      { prometheus: { address: { hostname: "0.0.0.0", port: 8080 } } },
    ],
    [
      "[prometheus]\naddress = 8080",
      { PROMETHEUS_ADDRESS: "8080" },
      { prometheus: { address: { hostname: "0.0.0.0", port: 8080 } } },
    ],
    ['[prometheus]\nendpoint = "/m"', { PROMETHEUS_ENDPOINT: "/m" }, { prometheus: { endpoint: "/m" } }],
    [
      '[shard_store]\ntype = "file"\npath = "sessions.json"',
      { SHARD_STORE_TYPE: "file", SHARD_STORE_PATH: "sessions.json" },
      { shardStore: { type: "file", path: "sessions.json" } },
    ],
    ['compression = "zlib"', { DISCORD_COMPRESSION: "zlib" }, { compression: "zlib" }],
    ['codec = "portable"', { SPECTACLES_CODEC: "portable" }, { codec: "portable" }],
    ['shutdown_timeout = "3s"', { SHUTDOWN_TIMEOUT: "3s" }, { shutdownTimeoutMs: 3_000 }],
    ["[identify]\nreserve = 0", { DISCORD_IDENTIFY_RESERVE: "0" }, { identifyReserve: 0 }],
    ['[log]\nlevel = "warning"', { LOG_LEVEL: "warning" }, { log: { level: "warn" } }],
    ['[log]\nformat = "pretty"', { LOG_FORMAT: "pretty" }, { log: { format: "pretty" } }],
  ]
  for (const [file, env, part] of cases) {
    test(`reads ${JSON.stringify(file)} and ${Object.keys(env).join(", ")} alike`, () => {
      expect(JSON.parse(JSON.stringify(read(file).config))).toMatchObject(part)
      expect(JSON.parse(JSON.stringify(read("", env).config))).toMatchObject(part)
    })
  }

  test("reads DISCORD_API_SCHEME before DISCORD_API_PROTOCOL", () => {
    expect(read("", { DISCORD_API_SCHEME: "https", DISCORD_API_PROTOCOL: "http" }).config.api.scheme).toBe("https")
  })

  test("logs prettily on a terminal unless told otherwise", () => {
    expect(read("", {}, { isTerminal: true }).config.log.format).toBe("pretty")
    expect(read("", { LOG_FORMAT: "json" }, { isTerminal: true }).config.log.format).toBe("json")
  })
})

describe("problems", () => {
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    ["gateway_version = 'ten'", {}, 'gateway.toml:1: gateway_version is "ten": write a whole number from 1 to 99.'],
    [
      "[shards]\ncount = -1",
      {},
      'gateway.toml:2: shards.count is -1: write a whole number from 0 to 100000, or "auto".',
    ],
    [
      "[shards]\ncount = 1.5",
      {},
      'gateway.toml:2: shards.count is 1.5: write a whole number from 0 to 100000, or "auto".',
    ],
    ["", { DISCORD_SHARD_COUNT: "two" }, 'DISCORD_SHARD_COUNT: shards.count is "two": write a whole number'],
    ["[broker]\ntype = 'kafka'", {}, 'gateway.toml:2: broker.type is "kafka": write one of "stdio", "redis", "amqp".'],
    [
      "",
      { BROKER_MESSAGE_TIMEOUT: "120" },
      'BROKER_MESSAGE_TIMEOUT: broker.message_timeout is "120": write a duration',
    ],
    ["[broker]\nmessage_timeout = 120", {}, "gateway.toml:2: broker.message_timeout is 120: write a duration"],
    ["shutdown_timeout = '0s'", {}, 'gateway.toml:1: shutdown_timeout is "0s": write a duration from 1ms to 24d'],
    ["shutdown_timeout = '30d'", {}, 'gateway.toml:1: shutdown_timeout is "30d": write a duration from 1ms to 24d'],
    ["[prometheus]\naddress = 'metrics'", {}, 'gateway.toml:2: prometheus.address is "metrics": write where to listen'],
    ["[prometheus]\nendpoint = 'metrics'", {}, 'gateway.toml:2: prometheus.endpoint is "metrics": write a path'],
    ["[prometheus]\nendpoint = '/readyz'", {}, 'gateway.toml:2: prometheus.endpoint is "/readyz": write a path'],
    [
      "[api]\nhost = 'https://discord.com'",
      {},
      'gateway.toml:2: api.host is "https://discord.com": write a host without',
    ],
    ["[api]\nhost = 'discord.com/api'", {}, 'gateway.toml:2: api.host is "discord.com/api": write a host without'],
    ["[api]\nscheme = 'ftp'", {}, 'gateway.toml:2: api.scheme is "ftp": write one of "https", "http".'],
    ["compression = true", {}, 'gateway.toml:1: compression is true: write one of "auto", "none", "zlib", "zstd".'],
    ["[log]\nlevel = 'loud'", {}, 'gateway.toml:2: log.level is "loud": write one of "trace", "debug"'],
    ["[presence]\nstatus = 'idel'", {}, 'gateway.toml:2: presence.status is "idel": write one of "online"'],
    ["[presence]\nstate = 'idle'", {}, "gateway.toml:1: presence holds state, which no presence has"],
    [
      "[[presence.activities]]\nname = 'a'\n[[presence.activities]]\nname = 3",
      {},
      "gateway.toml:4: presence.activities[1].name is 3: write the activity's name.",
    ],
    ["", { DISCORD_PRESENCE: "{idle}" }, 'DISCORD_PRESENCE: presence is "{idle}": write a table, or JSON'],
    ["broker = 'redis'", {}, "gateway.toml:1: broker is not a table: write [broker] above its keys."],
    ["[broker]\ngrup = 'x'", {}, "gateway.toml:2: broker.grup is not a setting. Did you mean broker.group?"],
    ["[brokr]\ngroup = 'x'", {}, "gateway.toml:1: brokr is not a setting. Did you mean broker?"],
    ["pool_size = 3", {}, "gateway.toml:1: pool_size is not a setting. Did you mean redis.pool_size?"],
    ["rawintents = 3", {}, "gateway.toml:1: rawintents is not a setting. Did you mean raw_intents?"],
    ["unheard_of = 3", {}, "gateway.toml:1: unheard_of is not a setting."],
    ["'broker.type' = 'redis'", {}, "gateway.toml:1: broker.type is not a setting. Write it without quotes."],
    [
      "[broker]\ncompression = 'zlib'",
      {},
      "gateway.toml:2: broker.compression is not a setting. compression belongs above",
    ],
  ]
  for (const [file, env, message] of cases) {
    test(`#36 says ${JSON.stringify(message)}`, () => {
      const problems = problemsOf(file, env)
      expect(problems).toHaveLength(1)
      expect(problems[0]).toStartWith(message)
    })
  }

  test("#36 lists all problems of file and environment at once, each with its place", () => {
    const text = 'token = ""\nintents = [\n "GUILDS",\n "GUILD_MESAGES"\n]\nevent = []\n[broker]\ntype = "redis"\n'
    try {
      readGatewayConfig({
        file: { name: "my.toml", text },
        env: { DISCORD_SHARD_COUNT: "x" },
        isTerminal: false,
        readText: () => "",
      })
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError)
      expect(String(error)).toBe(
        [
          "ConfigError: Cannot start: the configuration has 6 problems.",
          '  my.toml:4: intents[1] is "GUILD_MESAGES", which is no intent of Discord\'s. Did you mean GUILD_MESSAGES?',
          '  DISCORD_SHARD_COUNT: shards.count is "x": write a whole number from 0 to 100000, or "auto".',
          "  my.toml:6: event is not a setting. Did you mean events?",
          "  my.toml:1: the token is missing: set DISCORD_TOKEN or DISCORD_TOKEN_FILE, or token or token_file in the file, which the command init writes.",
          '  my.toml: events are missing: set DISCORD_EVENTS or events to those to publish, such as ["MESSAGE_CREATE"].',
          '  my.toml:8: broker.type is "redis", which needs redis.url: set REDIS_URL or redis.url, such as "redis://localhost:6379".',
        ].join("\n"),
      )
    }
  })

  test("#36 reports a file that is not TOML beside the environment, and not what the file may have held", () => {
    expect(problemsOf("broker = [", { LOG_LEVEL: "loud", DISCORD_TOKEN: "" })).toEqual([
      expect.stringContaining("gateway.toml:"),
      expect.stringContaining("LOG_LEVEL: log.level is"),
    ])
  })

  test("#36 refuses a presence that Identify has no room for", () => {
    const activity = { name: "x".repeat(4_000), type: 0 }
    expect(problemsOf("", { DISCORD_PRESENCE: JSON.stringify({ activities: [activity] }) })).toEqual([
      "DISCORD_PRESENCE: presence is 4080 bytes of JSON: Identify has room for 3072, so shorten its texts.",
    ])
  })

  test("bounds what it quotes", () => {
    expect(problemsOf(`compression = "${"x".repeat(10_000)}"`)[0]?.length).toBeLessThan(200)
  })
})

describe("warnings", () => {
  test("warns of a variable that is a letter off ours", () => {
    expect(warningsOf("", { DISCORD_INTENT: "GUILDS", REDIS_URI: "x", HOME: "/root", DISCORD_BOT_NAME: "x" })).toEqual([
      "DISCORD_INTENT: is not a variable of this program. Did you mean DISCORD_INTENTS?",
      "REDIS_URI: is not a variable of this program. Did you mean REDIS_URL?",
    ])
  })

  test("warns of a version that it does not follow", () => {
    expect(warningsOf("gateway_version = 9")).toEqual([
      "gateway.toml:1: gateway_version is 9, but this program follows version 10.",
    ])
  })

  test("has nothing to say of a plain configuration", () => {
    expect(warningsOf("")).toEqual([])
  })
})

test("#35 no printed form of the configuration holds the token", () => {
  const reading = read("")
  expect(reading.config.token).toBeInstanceOf(Secret)
  for (const print of [JSON.stringify, Bun.inspect, String]) expect(print(reading)).not.toContain(TOKEN)
})

describe("any value of any key", () => {
  const ODD_VALUES = [
    "true",
    "-1",
    "1.5",
    "nan",
    "-inf",
    "9223372036854775807",
    "0x10",
    "2020-01-01",
    "2020-01-01T00:00:00Z",
    "07:32:00",
    "[]",
    "[[]]",
    "[{}]",
    "{}",
    "{ a = { b = 1 } }",
    '{ __proto__ = "x", constructor = 1 }',
    '""',
    '" "',
    '"\\u0000"',
    '"😀"',
    '"__proto__"',
    '"://"',
    '"[::"',
    '","',
    '"0-99999999999999999999"',
    `"${"9".repeat(400)}"`,
    `"${"a:".repeat(5_000)}"`,
  ]
  for (const [key, { variables }] of Object.entries<Setting<unknown>>(GATEWAY_SETTINGS)) {
    test(`is read or refused in a sentence: ${key}`, () => {
      for (const value of ODD_VALUES) {
        const file = `${key} = ${value}\n`
        for (const problem of problemsOf(file)) expect(problem).toMatch(/^[\w.]+(:\d+)?: .{10,300}[.?]$/s)
        for (const variable of variables) {
          const text = value.replace(/^"|"$/g, "")
          for (const problem of problemsOf("", { [variable]: text })) expect(problem).toMatch(/: .{10,300}[.?]$/s)
        }
      }
    })
  }
})
