import { describe, expect, test } from "bun:test"
import { parseSentinelUrl, passwordsOf, redisUrl, redisUrls } from "../../src/config/redis-url.ts"

const NONE = { username: "", password: "", database: 0, sentinelUsername: "", sentinelPassword: "" }

describe("parseSentinelUrl", () => {
  test.each([
    ["redis+sentinel://one/events", { tls: false, sentinels: [{ hostname: "one", port: 26_379 }], master: "events" }],
    [
      "rediss+sentinel://one:1,[::1]:2,three/events/",
      {
        tls: true,
        sentinels: [
          { hostname: "one", port: 1 },
          { hostname: "::1", port: 2 },
          { hostname: "three", port: 26_379 },
        ],
        master: "events",
      },
    ],
    [
      "redis+sentinel://bot:p%40ss@one/events/4?sentinel_username=u&sentinel_password=p",
      {
        ...{ tls: false, sentinels: [{ hostname: "one", port: 26_379 }], master: "events" },
        ...{ username: "bot", password: "p@ss", database: 4, sentinelUsername: "u", sentinelPassword: "p" },
      },
    ],
  ])("reads %s", (url, expected) => {
    expect(parseSentinelUrl(url)).toEqual({ ...NONE, ...expected })
  })

  test.each([
    "redis+sentinel://one",
    "redis+sentinel://one/",
    "redis+sentinel:///events",
    "redis+sentinel://one:port/events",
    "redis+sentinel://one,,two/events",
    "redis+sentinel://one/events/first",
    "redis+sentinel://one/events?sentinel_pasword=typo",
    "redis://one/events",
  ])("does not read %s", (url) => {
    expect(parseSentinelUrl(url)).toBeUndefined()
  })
})

describe("the setting", () => {
  test("takes sentinels whole, and splits anything else at its commas", () => {
    const reveal = (text: string) =>
      redisUrls()
        .parse(text)
        .map((url) => url.reveal())
    expect(reveal("redis+sentinel://one,two/events")).toEqual(["redis+sentinel://one,two/events"])
    expect(reveal("one,two:7000")).toEqual(["redis://one", "redis://two:7000"])
  })

  test("#36 says how the URL of sentinels is written, without the password", () => {
    const { error } = redisUrl().safeParse("redis+sentinel://:secret@one,two")
    expect(error?.issues.map(({ message }) => message)).toEqual([
      'is "redis+sentinel://:***@one,two": write the sentinels\' URL such as "redis+sentinel://one:26379,two:26379/mymaster".',
    ])
  })

  test("#35 is printed without its passwords", () => {
    const url = "redis+sentinel://bot:secret@one,two/events?sentinel_password=other"
    expect(String(redisUrl().parse(url))).toBe("redis+sentinel://bot:***@one,two/events?sentinel_password=***")
    expect(passwordsOf(url)).toEqual(["secret", "other"])
    expect(passwordsOf("redis://:p%40ss@one")).toEqual(["p@ss"])
    expect(passwordsOf("redis://:100%@one")).toEqual(["100%"])
  })
})
