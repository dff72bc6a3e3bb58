// `spectacles health gateway|proxy`: asks the service that runs beside it, under the same configuration, whether it still
// answers. An image's HEALTHCHECK needs no shell and no curl then.

import { readConfigFile, readText } from "../config/config-file.ts"
import type { ListenAddress } from "../config/gateway-config.ts"
import { formatListenAddress } from "../config/listen-address.ts"
import { loadGatewayConfig } from "../config/load-gateway-config.ts"
import { PROXY_CONFIG_FILE, readProxyConfig } from "../config/read-proxy-config.ts"
import { OperatorError } from "../ops/operator-error.ts"
import { command, EXIT_OK } from "./command.ts"
import { type CommandLine, mistake } from "./command-line.ts"

const TIMEOUT_MS = 3_000
const HEALTH_PATH = "/healthz"

const LINE = {
  name: "health",
  about: `Exits with 0 when the service on this machine answers, else with 1 and the reason. Reads what the service itself reads:
the file in this folder and the environment. The gateway is asked at prometheus.address, the proxy at metrics.addr or else
at http.address. A gateway without prometheus.address serves nothing that could be asked: that is 0 too.`,
  argument: { name: "service", choices: ["gateway", "proxy"] },
  flags: {},
  examples: [
    { what: "as an image's HEALTHCHECK", line: "PROMETHEUS_ADDRESS=127.0.0.1:8080 spectacles health gateway" },
  ],
} as const satisfies CommandLine

export const health = command(LINE, async ({ argument }) => {
  switch (argument) {
    case "gateway":
      return ask(gatewayAddress(), "prometheus.address")
    case "proxy":
      return ask(proxyAddress(), "http.address")
    default:
      throw mistake(LINE, "name the service to ask, gateway or proxy")
  }
})

function gatewayAddress(): ListenAddress | undefined {
  return loadGatewayConfig({ env: process.env, isTerminal: false }).config.prometheus.address
}

/** Its front door answers this path by itself, with a 404, which tells as much. */
function proxyAddress(): ListenAddress {
  const file = readConfigFile(undefined, PROXY_CONFIG_FILE)
  const { config } = readProxyConfig({ file, env: process.env, readText, isTerminal: false })
  return config.metrics.address ?? config.http
}

async function ask(address: ListenAddress | undefined, setting: string): Promise<number> {
  if (address === undefined) {
    process.stdout.write(`Nothing to ask: ${setting} is not set.\n`)
    return EXIT_OK
  }
  const url = `http://${formatListenAddress({ ...address, hostname: reachable(address.hostname) })}${HEALTH_PATH}`
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "manual" })
    process.stdout.write(`${url} answers (${status}).\n`)
    return EXIT_OK
  } catch (error) {
    throw new OperatorError(`${url} does not answer: ${reasonOf(error)}. The service's log says why.`, { cause: error })
  }
}

/** `ECONNREFUSED`, or Bun's words where it has no such name for it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return "code" in error && typeof error.code === "string" ? error.code : error.message.replace(/\.$/, "")
}

/** Where a server that listens on every interface is found from its own machine. */
function reachable(hostname: string): string {
  if (hostname === "0.0.0.0") return "127.0.0.1"
  return hostname === "::" ? "::1" : hostname
}
