// Which server a key lives on: always the same one, or, in a cluster, the one that has its slot (cluster.ts).

import type { EventBatch } from "../../codec/batch.ts"
import { describeAddress, type RedisAddress } from "./address.ts"
import { Lane } from "./lane.ts"
import { single, slicesOf } from "./parts.ts"
import { refusedEvents } from "./refusals.ts"
import { RedisServer, type ServerOptions } from "./server.ts"

export interface Topology {
  /** Queues a batch. Resolves when all of it was executed. */
  publish(batch: EventBatch): Promise<void>
  /** Queues one command that writes to one key, behind everything that was queued for the key before. */
  write(key: string, command: Uint8Array): Promise<void>
  /** Rejects what waits of a shard, and calls back what is on its way. */
  drop(slot: number, reason: Error): void
  /** Rejects what waits, and lets go of the connections. */
  close(reason: Error): void
}

export type TopologyOptions = Omit<ServerOptions, "address" | "on"> & {
  readonly addresses: readonly [RedisAddress, ...RedisAddress[]]
  readonly on: Omit<ServerOptions["on"], "moved">
}

/** One server: one lane, so that the order holds across streams too. */
export function singleServer(options: TopologyOptions): Topology {
  const lane = new Lane()
  const [address] = options.addresses
  const server = new RedisServer({
    ...options,
    address,
    on: {
      ...options.on,
      moved(_lane, to) {
        server.close()
        const text = `${to.once ? "ASK" : "MOVED"} ${to.address}`
        options.on.failed(refusedEvents(describeAddress(address), { lane, text, key: null }))
      },
    },
  })
  server.add(lane)
  return {
    publish(batch) {
      const { parts, settled } = slicesOf(batch)
      for (const part of parts) lane.push(part)
      server.wake()
      return settled
    },
    write(key, command) {
      const { part, settled } = single(key, command)
      lane.push(part)
      server.wake()
      return settled
    },
    drop: (slot, reason) => server.drop(slot, reason),
    close(reason) {
      server.close()
      lane.reject(reason)
    },
  }
}
