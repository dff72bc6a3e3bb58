// URLs of Redis: a server's, or the sentinels' that know which server is the master:
//   redis+sentinel://[user:password@]host[:port][,host[:port]…]/master[/database][?sentinel_username=…&sentinel_password=…]
// The spelling is that of redis-sentinel-url, redisvl and LangChain. It names several hosts, which no URL parser reads.

import { z } from "zod"
import { Secret } from "./secret.ts"
import { decodedPart } from "./url-part.ts"
import { hideUrlPassword } from "./url-password.ts"
import { list, serviceUrl, shown } from "./values.ts"

const SENTINEL = /^(rediss?)\+sentinel:\/\/(?:([^/?#]*)@)?([^/?#@]+)\/([^/?#]+)(?:\/(\d+))?\/?(?:\?([^#]*))?$/i
const SENTINEL_SCHEME = /^rediss?\+sentinel:\/\//i
const DEFAULT_SENTINEL_PORT = 26_379
const EXAMPLE = "redis+sentinel://one:26379,two:26379/mymaster"

export interface SentinelUrl {
  /** To the servers and to the sentinels. */
  readonly tls: boolean
  /** At least one. */
  readonly sentinels: readonly { readonly hostname: string; readonly port: number }[]
  /** What the sentinels call the master. */
  readonly master: string
  /** How to log in to the master, as in `redis://`. Empty: not. */
  readonly username: string
  readonly password: string
  readonly database: number
  /** How to log in to the sentinels. Empty: not. */
  readonly sentinelUsername: string
  readonly sentinelPassword: string
}

export function isSentinelUrl(text: string): boolean {
  return SENTINEL_SCHEME.test(text.trim())
}

/** Reads `redis+sentinel://…`; undefined where it is not written so. */
export function parseSentinelUrl(text: string): SentinelUrl | undefined {
  const [, scheme = "", login = "", hosts = "", master = "", database = "0", query = ""] =
    SENTINEL.exec(text.trim()) ?? []
  const urls = hosts.split(",").map((host) => `redis://${login}@${host.trim()}`)
  if (master === "" || !urls.every((url) => URL.canParse(url))) return undefined
  const options = new URLSearchParams(query)
  const known = ["sentinel_username", "sentinel_password"]
  if ([...options.keys()].some((key) => !known.includes(key))) return undefined
  const parsed = urls.map((url) => new URL(url))
  if (parsed.some(({ hostname }) => hostname === "")) return undefined
  return {
    tls: scheme.toLowerCase() === "rediss",
    sentinels: parsed.map(({ hostname, port }) => ({
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? DEFAULT_SENTINEL_PORT : Number(port),
    })),
    master: decodedPart(master),
    username: decodedPart(parsed[0]?.username ?? ""),
    password: decodedPart(parsed[0]?.password ?? ""),
    database: Number(database),
    sentinelUsername: options.get("sentinel_username") ?? "",
    sentinelPassword: options.get("sentinel_password") ?? "",
  }
}

/** One server, or sentinels. */
export function redisUrl(): z.ZodType<Secret> {
  const server = serviceUrl(["redis", "rediss"], "redis://localhost:6379")
  return z.unknown().transform((input, context) => {
    if (typeof input === "string" && isSentinelUrl(input)) {
      const text = input.trim()
      if (parseSentinelUrl(text) !== undefined) return Secret.url(text)
      const message = `is ${shown(hideUrlPassword(text))}: write the sentinels' URL such as "${EXAMPLE}".`
      context.issues.push({ code: "custom", message, input: undefined })
      return z.NEVER
    }
    const result = server.safeParse(input)
    for (const { message } of result.error?.issues ?? [])
      context.issues.push({ code: "custom", message, input: undefined })
    return result.success ? result.data : z.NEVER
  })
}

/** A list, or text with commas. The commas of a sentinels' URL stand between its hosts: it is the whole list. */
export function redisUrls(): z.ZodType<Secret[]> {
  return z.preprocess(
    (value) => (typeof value === "string" && isSentinelUrl(value) ? [value] : value),
    list(redisUrl(), 'write a list of URLs, such as ["redis://one:6379", "redis://two:6379"].'),
  )
}

/** Every password in a URL of Redis, for whoever takes them out of logs. */
export function passwordsOf(url: string): readonly string[] {
  const sentinels = parseSentinelUrl(url)
  if (sentinels !== undefined) return [sentinels.password, sentinels.sentinelPassword]
  return URL.canParse(url) ? [decodedPart(new URL(url).password)] : []
}
