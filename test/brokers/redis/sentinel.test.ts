import { describe, expect, test } from "bun:test"
import { placeOf, type SentinelPlace } from "../../../src/brokers/redis/address.ts"
import type { Connect, ConnectionEvents } from "../../../src/brokers/redis/connection.ts"
import { findMaster, throughSentinels } from "../../../src/brokers/redis/sentinel.ts"

function placeBy(url: string): SentinelPlace {
  const place = placeOf({ urls: [url] })
  if (place.type !== "sentinel") throw new Error(`${url} is no URL of sentinels`)
  return place
}

const place = placeBy("redis+sentinel://bot:pw@one:1,two:2/events/3?sentinel_password=other")

describe("the URL of sentinels", () => {
  test("names them, the master, and who logs in where", () => {
    expect(place).toMatchObject({
      master: "events",
      sentinels: [
        { hostname: "one", port: 1, username: "", password: "other", tls: false, database: 0 },
        { hostname: "two", port: 2, username: "", password: "other", tls: false, database: 0 },
      ],
      address: { username: "bot", password: "pw", database: 3, tls: false },
    })
  })

  test("is shown without passwords", () => {
    expect(place.address.shownAs).toBe("redis+sentinel://one:1,two:2/events")
  })
})

describe("the master", () => {
  test("is whom the first sentinel names that answers", async () => {
    const asked: string[] = []
    const master = await findMaster(place, async ({ hostname }) => {
      asked.push(hostname)
      if (hostname === "one") throw new Error("connect ECONNREFUSED")
      return ["10.0.0.7", "6380"]
    })
    expect([master, asked]).toEqual([{ hostname: "10.0.0.7", port: 6_380 }, ["one", "two"]])
  })

  test("is nobody when no sentinel names it, and each one's reason is told", async () => {
    const ask = async ({ hostname }: { readonly hostname: string }) => {
      if (hostname === "one") throw new Error("connect ECONNREFUSED")
      return null
    }
    await expect(findMaster(place, ask)).rejects.toThrow(
      'no sentinel names the master: redis://one:1: connect ECONNREFUSED; redis://two:2 knows no master "events"',
    )
  })
})

describe("a connection through sentinels", () => {
  const nothing = () => {}

  function events(closed: (reason: string) => void): ConnectionEvents {
    return { ready: nothing, reply: nothing, error: nothing, refused: nothing, closed }
  }

  test("goes to the master with the login of the URL", async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    const connect: Connect = (address) => {
      resolve(address)
      return { write: nothing, close: nothing }
    }
    throughSentinels(place, connect, async () => ["10.0.0.7", "6380"])(place.address, events(nothing))
    expect(await promise).toMatchObject({ hostname: "10.0.0.7", port: 6_380, username: "bot", password: "pw" })
  })

  test("that is closed before the sentinels have answered never begins", async () => {
    const reasons: string[] = []
    const answer = Promise.withResolvers<unknown>()
    const connect: Connect = () => {
      throw new Error("connected")
    }
    const connection = throughSentinels(
      place,
      connect,
      () => answer.promise,
    )(
      place.address,
      events((reason) => reasons.push(reason)),
    )
    connection.close("no answer within 5 s")
    answer.resolve(["10.0.0.7", "6380"])
    await answer.promise
    await Promise.resolve()
    expect(reasons).toEqual(["no answer within 5 s"])
  })

  test("is closed when no sentinel names a master", async () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    throughSentinels(
      place,
      () => {
        throw new Error("connected")
      },
      async () => null,
    )(place.address, events(resolve))
    expect(await promise).toStartWith("no sentinel names the master")
  })
})
