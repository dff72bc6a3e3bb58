// Publishing to a cluster: a connection and a pipeline for each server, a lane for each key, so that each stream keeps its
// order wherever its slot goes. Which server has which slot is asked at the start, whenever a server is lost, and whenever
// one redirects us.
// Source: Redis cluster specification › MOVED and ASK redirection.

import { sleep } from "../../flow/clock.ts"
import type { RedisAddress } from "./address.ts"
import type { Client } from "./clients.ts"
import { text } from "./entries.ts"
import { Lane } from "./lane.ts"
import { single, streamsOf } from "./parts.ts"
import { RedisServer } from "./server.ts"
import { slotOf } from "./slots.ts"
import type { Topology, TopologyOptions } from "./topology.ts"

/** Between two questions about the slots, so that a cluster in trouble is not asked on end. */
const ASK_AGAIN_MS = 200

interface Place {
  readonly lane: Lane
  /** None while nobody knows who has the slot. */
  server: RedisServer | null
}

/** @param client asks about the slots */
export function clusterOf(options: TopologyOptions, client: Client): Topology {
  const cluster = new ClusterTopology(options, client)
  cluster.refresh()
  return cluster
}

class ClusterTopology implements Topology {
  readonly #options: TopologyOptions
  readonly #client: Client
  readonly #closing = new AbortController()
  /** A server's `host:port` for each range of slots. */
  #ranges: readonly SlotRange[] = []
  readonly #servers = new Map<string, RedisServer>()
  /** By key: the streams that were ever published to, and the keys of sessions. */
  readonly #places = new Map<string, Place>()
  #isRefreshing = false
  #isStale = false

  constructor(options: TopologyOptions, client: Client) {
    this.#options = options
    this.#client = client
  }

  publish(batch: Parameters<Topology["publish"]>[0]): Promise<void> {
    const { parts, settled } = streamsOf(batch)
    const touched = new Set<RedisServer>()
    for (const { stream, part } of parts) {
      const { lane, server } = this.#placeOf(stream)
      lane.push(part)
      if (server !== null) touched.add(server)
    }
    for (const server of touched) server.wake()
    return settled
  }

  write(key: string, command: Uint8Array): Promise<void> {
    const { part, settled } = single(key, command)
    const { lane, server } = this.#placeOf(key)
    lane.push(part)
    server?.wake()
    return settled
  }

  drop(slot: number, reason: Error): void {
    for (const { lane, server } of this.#places.values()) if (server === null) lane.drop(slot, reason)
    for (const server of this.#servers.values()) server.drop(slot, reason)
  }

  close(reason: Error): void {
    this.#closing.abort()
    for (const server of this.#servers.values()) server.close()
    for (const { lane } of this.#places.values()) lane.reject(reason)
  }

  /** Asks who has which slot, once at a time; what changes while it asks is asked for again. */
  refresh(): void {
    this.#isStale = true
    if (this.#isRefreshing) return
    this.#isRefreshing = true
    void this.#refreshUntilFresh().finally(() => {
      this.#isRefreshing = false
    })
  }

  async #refreshUntilFresh(): Promise<void> {
    const { clock, log } = this.#options
    while (this.#isStale && !this.#closing.signal.aborted) {
      this.#isStale = false
      try {
        this.#ranges = readRanges(await this.#client.call("CLUSTER", ["SLOTS"]))
        this.#placeAll()
      } catch (error) {
        this.#isStale = true
        log.debug({ err: error }, "the cluster's slots could not be read")
      }
      await sleep(clock, ASK_AGAIN_MS, this.#closing.signal).catch(() => {})
    }
  }

  #placeOf(key: string): Place {
    let place = this.#places.get(key)
    if (place === undefined) {
      place = { lane: new Lane(), server: null }
      this.#places.set(key, place)
      this.#put(place, this.#ownerOf(key))
    }
    return place
  }

  #ownerOf(key: string): string | null {
    const slot = slotOf(key)
    return this.#ranges.find(({ from, to }) => slot >= from && slot <= to)?.owner ?? null
  }

  /** Brings every lane to its server. One in flight stays: its server answers for it, if need be by a redirection. */
  #placeAll(): void {
    for (const [key, place] of this.#places) {
      const owner = this.#ownerOf(key)
      if (owner === null || place.lane.isInFlight) continue
      place.lane.asking = false
      this.#put(place, owner)
    }
    for (const [name, server] of this.#servers) {
      if (server.lanes.size > 0 || this.#ranges.some(({ owner }) => owner === name)) continue
      this.#servers.delete(name)
      server.close()
    }
  }

  #put(place: Place, owner: string | null): void {
    if (owner === null) return this.refresh()
    const server = this.#serverAt(owner)
    if (place.server !== server) place.server?.remove(place.lane)
    place.server = server
    server.add(place.lane)
    server.wake()
  }

  #serverAt(name: string): RedisServer {
    const known = this.#servers.get(name)
    if (known !== undefined) return known
    const [seed] = this.#options.addresses
    const server: RedisServer = new RedisServer({
      ...this.#options,
      address: addressOf(name, seed),
      on: {
        ...this.#options.on,
        lost: (reason) => {
          this.#options.on.lost(reason)
          this.refresh()
        },
        moved: (lane, { address, once }) => {
          const host = addressOf(name, seed).hostname
          this.#onMoved(lane, address.startsWith(":") ? `${host}${address}` : address, once)
        },
      },
    })
    this.#servers.set(name, server)
    return server
  }

  #onMoved(lane: Lane, owner: string, once: boolean): void {
    const place = [...this.#places.values()].find((candidate) => candidate.lane === lane)
    if (place === undefined) return
    // While a slot is on its way, each server sends us to the other; the new one lets us in when asked.
    lane.asking = once
    if (!once) this.refresh()
    this.#put(place, owner)
  }
}

interface SlotRange {
  readonly from: number
  readonly to: number
  readonly owner: string
}

/** What CLUSTER SLOTS returns: `[[from, to, [host, port, …], …], …]`, the master first. */
function readRanges(reply: unknown): readonly SlotRange[] {
  if (!Array.isArray(reply)) return []
  return reply.flatMap((one: unknown) => {
    const [from, to, master] = Array.isArray(one) ? one : []
    if (!Array.isArray(master)) return []
    return [{ from: Number(from), to: Number(to), owner: `${text(master[0])}:${String(master[1])}` }]
  })
}

/** A server that the cluster names; everything else is as for the one we were given. */
function addressOf(name: string, seed: RedisAddress): RedisAddress {
  const colon = name.lastIndexOf(":")
  const hostname = name.slice(0, colon)
  return { ...seed, hostname: hostname === "" ? seed.hostname : hostname, port: Number(name.slice(colon + 1)) }
}
