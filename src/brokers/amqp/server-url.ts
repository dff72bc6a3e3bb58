// Where a RabbitMQ is, as it is dialled and as it is shown.

import { decodedPart } from "../../config/url-part.ts"

/** Seconds without a word after which a peer counts as dead, twice. RabbitMQ's own default, 60, notices a cut late. */
const HEARTBEAT_S = 10

/** The URL with a heartbeat, unless it names one. */
export function dialUrl(url: string): string {
  const parsed = new URL(url)
  if (!parsed.searchParams.has("heartbeat")) parsed.searchParams.set("heartbeat", String(HEARTBEAT_S))
  return parsed.href
}

/** The URL without user and password. */
export function shownUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}

/** User and password of the URL, which amqplib would read as Latin-1; null where it names none. */
export function loginOf(url: string): { readonly username: string; readonly password: string } | null {
  const { username, password } = new URL(url)
  if (username === "" && password === "") return null
  return { username: decodedPart(username), password: decodedPart(password) }
}
