// The gateway's socket URL. Discord's documented default version is 6, so `v` is always sent,
// and a resume must repeat the query of the first connection.
// Source: Discord's documentation, Gateway › Connecting, Gateway URL Query String Params.

export const COMPRESSIONS = ["none", "zlib", "zstd"] as const

/** Transport compression; Discord calls the two streams `zlib-stream` and `zstd-stream`. */
export type Compression = (typeof COMPRESSIONS)[number]

export interface GatewayQuery {
  readonly version: number
  readonly compression: Compression
}

/** Whether a WebSocket can be dialled by it. */
export function isDialable(url: string): boolean {
  return /^wss?:\/\//.test(url) && URL.canParse(url)
}

/**
 * The URL to dial: the host that Discord gave (`/gateway/bot` or `resume_gateway_url`) with our query.
 * @throws TypeError when `base` is not a URL.
 */
export function gatewayUrl(base: string, { version, compression }: GatewayQuery): string {
  const url = new URL(base)
  url.searchParams.set("v", String(version))
  url.searchParams.set("encoding", "json")
  if (compression === "none") url.searchParams.delete("compress")
  else url.searchParams.set("compress", `${compression}-stream`)
  return url.toString()
}
