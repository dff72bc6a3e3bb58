// Reading packets from standard input.

import type { Clock } from "../../flow/clock.ts"
import type { Logger } from "../../ops/log.ts"
import type { Delivery } from "../broker.ts"

export interface StdioConsumerOptions {
  readonly input: AsyncIterable<Uint8Array>
  readonly logger: Logger
  readonly clock: Clock
  readonly closing: AbortSignal
}

export class StdioConsumer {
  constructor(_options: StdioConsumerOptions) {}

  async *deliveries(_events: readonly string[], _stop: AbortSignal): AsyncGenerator<Delivery> {}
}
