// This process as an operator steers it: reads its shards, restarts them, and leaves hand-overs to the leases.

import type { Clock } from "../../flow/clock.ts"
import { canRestart } from "../protocol/step.ts"
import type { ShardSet } from "../shard-set.ts"
import type { ShardUnit } from "../shard-unit.ts"
import type { HandOver, NodeReport, Order, OrderResult, ShardReport, SteeredNode } from "./node.ts"
import { EventRates } from "./rates.ts"

export interface SteeredGatewayOptions {
  readonly node: string
  readonly clock: Clock
  /** The shards that run here now; null before they are known. */
  readonly running: () => { readonly set: ShardSet; readonly units: ReadonlyMap<number, ShardUnit> } | null
  /** Null where no leases decide who runs what. */
  readonly handOver: () => HandOver | null
}

const DONE: OrderResult = { type: "done" }

export function steeredGateway(options: SteeredGatewayOptions): SteeredNode {
  const rates = new EventRates(options.clock)
  return {
    node: options.node,
    report: () => report(options, rates),
    obey: (order) => obey(options, order),
  }
}

function report({ node, running, handOver }: SteeredGatewayOptions, rates: EventRates): NodeReport {
  const now = running()
  if (now === null) return { node, shardCount: null, draining: false, shards: [] }
  rates.keep(now.units)
  const shards = [...now.units.values()].map((unit): ShardReport => {
    const { id, phase, sessionId, sessionStartedMs, sequence, latencyMs, lastDown } = unit.status
    const eventsPerSecond = rates.perSecond(unit.place.slot, unit.counts())
    const { count } = unit.place
    return { shard: id, count, phase, sessionId, sessionStartedMs, sequence, latencyMs, eventsPerSecond, lastDown }
  })
  return { node, shardCount: now.set.count, draining: handOver()?.draining ?? false, shards }
}

async function obey({ node, running, handOver }: SteeredGatewayOptions, order: Order): Promise<OrderResult> {
  if (order.type === "restart") return restart(node, order.shard, unitOf(running(), order.shard))
  const leases = handOver()
  if (leases === null) {
    const reason = `Cannot ${order.type}: the shards of ${node} are fixed by its configuration; set shards.ownership to "redis" to let them move.`
    return { type: "refused", reason }
  }
  return order.type === "drain" ? leases.drain() : leases.move(order.shard, order.to)
}

/** The orders are about the bot's set. */
function unitOf(now: ReturnType<SteeredGatewayOptions["running"]>, id: number): ShardUnit | undefined {
  return now?.units.get(now.set.firstSlot + id)
}

function restart(node: string, id: number, unit: ShardUnit | undefined): OrderResult {
  if (unit === undefined) return { type: "refused", reason: `Cannot restart shard ${id}: it does not run on ${node}.` }
  const { phase } = unit.status
  if (!canRestart(phase)) {
    const reason = `Cannot restart shard ${id} while it is "${phase}": it goes on by itself; see its log for what it waits for.`
    return { type: "refused", reason }
  }
  unit.shard.restart()
  return DONE
}
