// Where a server listens, as Go writes it: `:8080`, `0.0.0.0:8080`, `[::1]:9000`, or a bare port.

import type { ListenAddress } from "./gateway-config.ts"

const MAX_PORT = 65_535
/** What an address without a host means in general: every interface. */
const EVERY_INTERFACE = "0.0.0.0"
const ADDRESS = /^(?:(?:\[([0-9a-f:.%]+)\]|([^\s:/[\]]*)):)?(\d{1,5})$/i

/**
 * Undefined when the text is no address.
 * @param hostless the host of an address that names none
 */
export function parseListenAddress(text: string, hostless = EVERY_INTERFACE): ListenAddress | undefined {
  const [, ipv6, host, digits] = ADDRESS.exec(text.trim()) ?? []
  const port = Number(digits)
  if (digits === undefined || port > MAX_PORT) return undefined
  return { hostname: ipv6 ?? (host || hostless), port }
}

export function formatListenAddress({ hostname, port }: ListenAddress): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`
}
