// Requests that wait for a reply through the hub.

import type { Body } from "../../codec/encoding.ts"
import type { Clock } from "../../flow/clock.ts"
import { decodeBody, encodeBody } from "../body.ts"
import { BrokerClosedError } from "../broker.ts"
import type { MemoryHub } from "./hub.ts"

export interface CallOptions {
  readonly body: Body
  readonly timeoutMs: number
  readonly clock: Clock
  /** Aborts when the broker closes. */
  readonly closing: AbortSignal
}

/** Appends a request and resolves to the decoded reply. A reply after the timeout is dropped. */
export function call(hub: MemoryHub, event: string, data: unknown, options: CallOptions): Promise<unknown> {
  const { body, timeoutMs, clock, closing } = options
  return new Promise((resolve, reject) => {
    const finish = () => {
      cancel()
      closing.removeEventListener("abort", onClose)
    }
    const onClose = () => {
      finish()
      reject(new BrokerClosedError(`Cannot wait for the reply to ${event}: the broker was closed.`))
    }
    const cancel = clock.after(timeoutMs, () => {
      finish()
      reject(new Error(`Cannot finish the call to ${event}: no reply came within ${timeoutMs} ms.`))
    })
    closing.addEventListener("abort", onClose)
    const reply = (bytes: Uint8Array) => {
      finish()
      try {
        resolve(decodeBody(bytes))
      } catch (error) {
        reject(error)
      }
    }
    hub.append({ event, id: "", body: encodeBody(body, data), reply })
  })
}
