// Steering over a process' admin address. The process finds whom an order is for.

import type { Secret } from "../../../config/secret.ts"
import { OperatorError } from "../../../ops/operator-error.ts"
import type { OrderResult } from "../node.ts"
import type { FleetView, SteeringCommand } from "../steering.ts"
import { readResult, readView } from "../wire.ts"

/** A drain is answered when it is done. */
const COMMAND_WITHIN_MS = 310_000
const VIEW_WITHIN_MS = 15_000

export interface AdminClientOptions {
  /** Such as `http://127.0.0.1:8081`. */
  readonly url: string
  readonly token: Secret
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
}

export interface AdminClient {
  /** @throws OperatorError when there is no answer, or not what was asked for. */
  view(): Promise<FleetView>
  steer(command: SteeringCommand): Promise<OrderResult>
}

export function adminClient({ url, token, fetch }: AdminClientOptions): AdminClient {
  const ask = async (method: string, path: string, withinMs: number): Promise<string> => {
    const signal = AbortSignal.timeout(withinMs)
    const headers = { authorization: `Bearer ${token.reveal()}` }
    const response = await fetch(`${url}${path}`, { method, headers, signal }).catch((error: unknown) => {
      throw new OperatorError(
        `Cannot reach the gateway's admin address ${url} (${reasonOf(error)}): start the gateway, or correct the address.`,
      )
    })
    const text = await response.text()
    if (response.status !== 401) return text
    throw new OperatorError(
      `Cannot steer the gateway at ${url}: it does not know the token; set ADMIN_TOKEN to its own.`,
    )
  }
  return {
    async view() {
      const text = await ask("GET", "/shards", VIEW_WITHIN_MS)
      const refusal = readResult(text)
      if (refusal?.type === "refused") throw new OperatorError(refusal.reason)
      return readView(text) ?? otherAnswer(url)
    },
    async steer(command) {
      return readResult(await ask("POST", pathOf(command), COMMAND_WITHIN_MS)) ?? otherAnswer(url)
    },
  }
}

function pathOf(command: SteeringCommand): string {
  switch (command.type) {
    case "drain":
      return `/drain/${encodeURIComponent(command.node)}`
    case "move":
      return `/move/${command.shard}/${encodeURIComponent(command.to)}`
    case "restart":
      return `/restart/${command.shard}`
  }
}

/** `ECONNREFUSED`, or the words where there is no such name. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return "code" in error && typeof error.code === "string" ? error.code : error.message.replace(/\.$/, "")
}

function otherAnswer(url: string): never {
  throw new OperatorError(
    `Cannot read what ${url} answers: something else than a gateway's admin address listens there.`,
  )
}
