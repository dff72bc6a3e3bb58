// A broker for tests of the gateway client: keeps what was published, and shows it what a test says that Discord sent.

import type { WatchedOf } from "../../../src/client/brokers.ts"
import type { GatewayBroker } from "../../../src/client/gateway-client.ts"

export interface Published {
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever was published.
  readonly data: any
}

export class FakeGatewayBroker implements GatewayBroker {
  readonly published: Published[] = []
  /** Events that somebody watches now. */
  readonly watched = new Map<string, (message: never) => void>()

  publish(event: string, data: unknown): void {
    this.published.push({ event, data })
  }

  async watch<const Event extends string>(
    events: Event | readonly Event[],
    listener: (message: WatchedOf<Event>) => void,
  ): Promise<() => void> {
    const list: readonly string[] = typeof events === "string" ? [events] : events
    for (const event of list) this.watched.set(event, listener)
    return () => {
      for (const event of list) this.watched.delete(event)
    }
  }

  /** Discord sent this, and the gateway published it. */
  dispatch(event: string, data: unknown): void {
    this.watched.get(event)?.({ event, data } as never)
  }

  /** Lets everything run that waits for nothing but its turn. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
  }
}
