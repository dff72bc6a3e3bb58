import { describe, expect, test } from "bun:test"
import { problemsOf, read } from "../fixtures/gateway-config.ts"

const REDIS = '[broker]\ntype = "redis"\n'
const AMQP = '[broker]\ntype = "amqp"\n'

function redisUrls(text: string, env = {}): string[] {
  const { broker } = read(text, env).config
  return broker.type === "redis" ? broker.redis.urls.map((url) => url.reveal()) : []
}

describe("broker.format", () => {
  for (const [type, format] of [
    ["stdio", "json"],
    ["amqp", "json"],
    ["redis", "msgpack"],
  ] as const) {
    test(`is ${format} on ${type} unless it is set`, () => {
      const env = { BROKER_TYPE: type, REDIS_URL: "localhost", AMQP_URL: "localhost" }
      expect(read("", env).config.broker.format).toBe(format)
      expect(read("", { ...env, BROKER_FORMAT: "msgpack" }).config.broker.format).toBe("msgpack")
    })
  }

  test("may be discordjs on redis", () => {
    expect(read(REDIS, { REDIS_URL: "localhost", BROKER_FORMAT: "discordjs" }).config.broker.format).toBe("discordjs")
  })

  for (const type of ["stdio", "amqp"]) {
    test(`#36 cannot be discordjs on ${type}`, () => {
      expect(problemsOf(`[broker]\ntype = "${type}"\nformat = "discordjs"`, { AMQP_URL: "localhost" })).toEqual([
        `gateway.toml:3: broker.format is "discordjs", which needs broker.type "redis", but that is "${type}".`,
      ])
    })
  }
})

describe("redis", () => {
  const accepted: readonly (readonly [string, readonly string[]])[] = [
    ['url = "localhost:6379"', ["redis://localhost:6379"]],
    ['url = "redis://:pw@cache/2"', ["redis://:pw@cache/2"]],
    ['url = "rediss://cache:6380"', ["rediss://cache:6380"]],
    ['urls = ["one:6379", "redis://two"]', ["redis://one:6379", "redis://two"]],
    ['urls = "one,two"', ["redis://one", "redis://two"]],
  ]
  for (const [text, urls] of accepted) {
    test(`reads ${text}`, () => {
      expect(redisUrls(`${REDIS}[redis]\n${text}`)).toEqual([...urls])
    })
  }

  test("reads one or several URLs from REDIS_URL, which wins over the file", () => {
    expect(redisUrls(REDIS, { REDIS_URL: "localhost:6379" })).toEqual(["redis://localhost:6379"])
    expect(redisUrls(`${REDIS}[redis]\nurl = "file"`, { REDIS_URL: "one, redis://two:7000" })).toEqual([
      "redis://one",
      "redis://two:7000",
    ])
  })

  test("keeps five connections unless told otherwise", () => {
    expect(read(REDIS, { REDIS_URL: "localhost" }).config.broker).toMatchObject({ redis: { poolSize: 5 } })
    expect(read(REDIS, { REDIS_URL: "localhost", REDIS_POOL_SIZE: "2" }).config.broker).toMatchObject({
      redis: { poolSize: 2 },
    })
  })

  const refused: readonly (readonly [string, string])[] = [
    ["", 'gateway.toml:2: broker.type is "redis", which needs redis.url: set REDIS_URL or redis.url'],
    ['[redis]\nurl = "a"\nurls = ["b"]', "gateway.toml:5: redis.url and redis.urls are both set: keep one of them."],
    [
      '[redis]\nurl = "a"\nretention = "2h"\nmax_length = 5',
      "gateway.toml:6: redis.retention and redis.max_length are both set: keep one of them, since Redis trims a stream by one.",
    ],
    [
      '[redis]\nurls = ["redis+sentinel://one/events", "redis+sentinel://two/events"]',
      "gateway.toml:4: redis.urls lists the URL of sentinels beside others: write all sentinels in one",
    ],
    ["[redis]\nurls = []", "gateway.toml:4: redis.urls is empty: write at least one URL."],
    [
      '[redis]\nurl = "http://x"',
      'gateway.toml:4: redis.url is "http://x": write a URL such as "redis://localhost:6379".',
    ],
    [
      '[redis]\nurl = "redis://"',
      'gateway.toml:4: redis.url is "redis://": write a URL such as "redis://localhost:6379".',
    ],
    ['[redis]\nurl = "host:port"', 'gateway.toml:4: redis.url is "host:port": write a URL'],
    ["[redis]\nurl = 6379", "gateway.toml:4: redis.url is 6379: write a URL"],
  ]
  for (const [text, problem] of refused) {
    test(`#36 says: ${problem}`, () => {
      const problems = problemsOf(REDIS + text)
      expect(problems).toHaveLength(1)
      expect(problems[0]).toStartWith(problem)
    })
  }

  test("#35 hides the password of a URL that is refused", () => {
    const problems = problemsOf(REDIS, { REDIS_URL: "http://bot:hunter2@cache" })
    expect(problems).toEqual([
      'REDIS_URL: redis.urls[0] is "http://bot:***@cache": write a URL such as "redis://localhost:6379".',
    ])
  })

  test("#35 hides the password of a URL that is accepted, however it is printed", () => {
    const reading = read(REDIS, { REDIS_URL: "bot:hunter2@cache" })
    for (const print of [JSON.stringify, Bun.inspect]) expect(print(reading)).not.toContain("hunter2")
  })
})

describe("the authority of a server's certificate", () => {
  const PEM = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
  const REDIS_CA = `${REDIS}[redis]\nurl = "rediss://cache"\nca_file = "ca.pem"`
  const AMQP_CA = '[broker]\ntype = "amqp"\n[amqp]\nurl = "amqps://rabbit"\nca_file = "ca.pem"'

  test("is read from its file", () => {
    expect(read(REDIS_CA, {}, { files: { "ca.pem": PEM } }).config.broker).toMatchObject({ redis: { ca: PEM } })
    expect(read(AMQP_CA, {}, { files: { "ca.pem": PEM } }).config.broker).toMatchObject({ amqp: { ca: PEM } })
  })

  test("#36 that cannot be read is named", () => {
    expect(problemsOf(REDIS_CA)).toEqual([
      "gateway.toml:5: redis.ca_file ca.pem cannot be used (ENOENT): give the path of a certificate in PEM.",
    ])
  })

  test("#36 that is no certificate is named", () => {
    expect(problemsOf(AMQP_CA, {}, { files: { "ca.pem": "nonsense" } })).toEqual([
      "gateway.toml:5: amqp.ca_file ca.pem cannot be used (it is not PEM): give the path of a certificate in PEM.",
    ])
  })
})

describe("what a stream of Redis keeps", () => {
  const trimming = (text: string, env = {}) => {
    const { broker } = read(`${REDIS}[redis]\nurl = "localhost"\n${text}`, env).config
    return broker.type === "redis" ? broker.redis.trimming : undefined
  }

  test("is an hour by default", () => {
    expect(trimming("")).toEqual({ retentionMs: 3_600_000 })
  })

  test("is as long, or as much, as is set", () => {
    expect(trimming('retention = "10m"')).toEqual({ retentionMs: 600_000 })
    expect(trimming("max_length = 5000")).toEqual({ maxLength: 5_000 })
  })

  test("is what the environment says, where the file says the other", () => {
    expect(trimming("max_length = 5000", { REDIS_RETENTION: "10m" })).toEqual({ retentionMs: 600_000 })
    expect(trimming('retention = "10m"', { REDIS_MAX_LENGTH: "5000" })).toEqual({ maxLength: 5_000 })
  })
})

describe("amqp", () => {
  for (const [given, url] of [
    ["localhost", "amqp://localhost"],
    ["localhost:5672", "amqp://localhost:5672"],
    ["amqps://bot:pw@rabbit/vhost", "amqps://bot:pw@rabbit/vhost"],
  ] as const) {
    test(`reads ${given}`, () => {
      const { broker } = read(`${AMQP}[amqp]\nurl = "${given}"`).config
      expect(broker.type === "amqp" && broker.amqp.urls.map((one) => one.reveal())).toEqual([url])
      const fromEnv = read(AMQP, { AMQP_URL: given }).config.broker
      expect(fromEnv.type === "amqp" && fromEnv.amqp.urls.map((one) => one.reveal())).toEqual([url])
    })
  }

  test("reads several hosts", () => {
    const { broker } = read(AMQP, { AMQP_URL: "amqps://bot:pw@one/live, two:5673" }).config
    const urls = broker.type === "amqp" && broker.amqp.urls.map((url) => url.reveal())
    expect(urls).toEqual(["amqps://bot:pw@one/live", "amqp://two:5673"])
  })

  test("#36 needs one at least", () => {
    expect(problemsOf(AMQP, { AMQP_URL: "," })).toHaveLength(1)
  })

  test("#36 needs a URL", () => {
    expect(problemsOf(AMQP)).toEqual([
      'gateway.toml:2: broker.type is "amqp", which needs amqp.url: set AMQP_URL or amqp.url, such as "amqp://localhost:5672".',
    ])
  })

  test("#36 reports a URL that is none only once", () => {
    expect(problemsOf(AMQP, { AMQP_URL: "redis://x" })).toHaveLength(1)
  })
})

describe("identify.queue", () => {
  const queue = (text: string, env = {}) => read(text, { REDIS_URL: "localhost", ...env }).config.identifyQueue

  test("is Redis' where sessions are, and the process' own elsewhere", () => {
    expect(queue("").type).toBe("memory")
    expect(queue('[broker]\ntype = "redis"\n').type).toBe("memory")
    expect(queue('[shard_store]\ntype = "redis"\nprefix = "my"\n')).toMatchObject({ type: "redis", prefix: "my" })
  })

  test("is what it is set to", () => {
    expect(queue('[shard_store]\ntype = "redis"\n[identify]\nqueue = "memory"\n').type).toBe("memory")
    expect(queue("", { DISCORD_IDENTIFY_QUEUE: "redis" })).toMatchObject({ type: "redis", prefix: "gateway" })
  })

  test("#36 in redis needs a URL", () => {
    expect(problemsOf('[identify]\nqueue = "redis"\n')[0]).toStartWith(
      'gateway.toml:2: identify.queue is "redis", which needs redis.url',
    )
  })
})

describe("admin", () => {
  const TOKEN = "0123456789abcdef"

  test("is off by default, and on this machine only where no host is named", () => {
    expect(read("").config.admin).toBeUndefined()
    const { admin } = read('[admin]\naddress = ":8081"\n', { ADMIN_TOKEN: TOKEN }).config
    expect(admin?.address).toEqual({ hostname: "127.0.0.1", port: 8081 })
    expect(admin?.token.reveal()).toBe(TOKEN)
    expect(`${admin?.token}`).toBe("***")
  })

  test("#36 needs a token that cannot be guessed, and never prints it", () => {
    expect(problemsOf('[admin]\naddress = ":8081"\n')[0]).toStartWith("gateway.toml:2: admin.address needs admin.token")
    expect(problemsOf('[admin]\naddress = ":8081"\ntoken = "hunter2"\n')).toEqual([
      "gateway.toml:3: admin.token is too short or no text: write at least 16 characters.",
    ])
  })
})

describe("shard_store", () => {
  test("in redis needs a URL and has a prefix", () => {
    const store = '[shard_store]\ntype = "redis"\n'
    expect(read(store, { REDIS_URL: "localhost" }).config.shardStore).toMatchObject({
      type: "redis",
      prefix: "gateway",
    })
    expect(read(store, { REDIS_URL: "localhost", SHARD_STORE_PREFIX: "my" }).config.shardStore).toMatchObject({
      prefix: "my",
    })
    expect(problemsOf(store)[0]).toStartWith('gateway.toml:2: shard_store.type is "redis", which needs redis.url')
  })

  test("#36 in a file needs the path", () => {
    expect(problemsOf('[shard_store]\ntype = "file"\n')).toEqual([
      'gateway.toml:2: shard_store.type is "file", which needs shard_store.path: set the folder to keep sessions in.',
    ])
  })
})
