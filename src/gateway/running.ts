// A gateway's shards from the moment that Discord has told how to connect: the fleet, who decides what it runs, and the
// packets for it from the broker. With shards that the configuration fixes, or with leases.

import { fixedOwnership } from "./fixed-ownership.ts"
import { Leases } from "./fleet/leases.ts"
import type { Fleet } from "./fleet.ts"
import type { GatewayParts, LeaseParts } from "./gateway-parts.ts"
import type { Ownership } from "./ownership.ts"
import { AutoReshard, type AutoReshardOptions } from "./reshard/auto.ts"
import { Resharding } from "./reshard/resharding.ts"
import { consumeSends, type SendConsumerOptions } from "./sends/consumer.ts"
import { OwnSends } from "./sends/own-sends.ts"
import type { ShardPlan } from "./shard-plan.ts"
import { firstSet, hasSlot, type ShardPlace, type ShardSet } from "./shard-set.ts"
import type { UnitEvents } from "./shard-unit.ts"
import { unitEvents } from "./unit-events.ts"

export interface Running {
  readonly fleet: Fleet
  readonly ownership: Ownership
  /** Null where shards are fixed. */
  readonly resharding: Resharding | null
}

export interface RunningOptions {
  readonly parts: GatewayParts
  readonly newFleet: (on: UnitEvents) => Fleet
  /** What Discord knows of the bot. */
  readonly discord: AutoReshardOptions["discord"]
  /** Only an operator can mend this; the message says what to change. */
  readonly refuse: (message: string) => void
  /** For what fails on its own. */
  readonly onError: (error: unknown) => void
  /** Told before anything runs. */
  readonly onRunning: (running: Running) => void
  /** Aborts when the gateway stops, whatever the reason. */
  readonly signal: AbortSignal
}

/** The shards of `plan`, for as long as the process runs. */
export async function runFixed(plan: ShardPlan, options: RunningOptions): Promise<void> {
  const { parts, newFleet, refuse, onError, onRunning, signal } = options
  const { store, clock, log, metrics } = parts
  const set = firstSet(plan.count)
  const fleet = newFleet(unitEvents(metrics, refuse))
  const ownership = fixedOwnership({ set, ids: plan.ids, fleet, store, clock, log })
  onRunning({ fleet, ownership, resharding: null })
  await ownership.start()
  consumeSends(sendOptions({ parts, fleet, set: () => set, shardIds: plan.ids, signal })).catch(onError)
}

/** The shards that leases give to this process. @param set the bot's shards, as far as is known */
export async function runLeased(leases: LeaseParts, set: ShardSet, options: RunningOptions): Promise<void> {
  const { parts, newFleet, refuse, onError, onRunning, signal } = options
  const { clock, dial, log, metrics } = parts
  const events = unitEvents(metrics, refuse)
  const told = (shard: ShardPlace, isLive: boolean) => {
    ownership.live(shard.slot, isLive)
    resharding.live(shard, isLive)
  }
  const fleet = newFleet({
    ...events,
    live: (shard) => told(shard, true),
    down(shard, kind) {
      events.down(shard, kind)
      told(shard, false)
    },
    refused(shard, remedy) {
      // Without the shards that come up beside the bot's it goes on.
      if (hasSlot(ownership.set, shard.slot)) events.refused(shard, remedy)
      else void resharding.refused(shard, remedy)
    },
  })
  const resharding = newResharding(leases, fleet, parts)
  const sending = { parts, fleet, set: () => ownership.set }
  const sends = new OwnSends(clock, (shardIds, until) =>
    consumeSends({ ...sendOptions({ ...sending, shardIds, signal: until }), moving: { ownOnly: true, clock } }).catch(
      onError,
    ),
  )
  const ownership = new Leases({
    ...{ ...leases, fleet, dial, clock, log },
    member: { ...leases.member, set },
    gate: (shard) => resharding.gate(shard),
    on: {
      read: (isResharded) => resharding.ledgerRead(isResharded),
      changed() {
        sends.update(ownShards(fleet, ownership.set))
        resharding.unitsChanged()
      },
      moved: (move) => metrics.fleet.leaseMoved(move),
      fenced: () => metrics.fleet.fenced(),
      measured: (load) => metrics.fleet.loadMeasured(load),
      refused: refuse,
    },
  })
  onRunning({ fleet, ownership, resharding })
  signal.addEventListener("abort", () => sends.stop())
  await ownership.start()
  if (parts.config.shards.leases?.isAuto === true) startAuto(leases, ownership, options)
  const moving = { ownOnly: false, clock }
  consumeSends({ ...sendOptions({ ...sending, shardIds: [], signal }), moving }).catch(onError)
}

function newResharding(leases: LeaseParts, fleet: Fleet, { broker, clock, log, metrics }: GatewayParts): Resharding {
  return new Resharding({
    ...{ ...leases.reshard, clock, log },
    node: leases.member.id,
    encoding: broker.encoding,
    units: () => fleet.units,
    on: {
      attempt: (result) => metrics.fleet.handOver(result),
      failed: () => metrics.fleet.handOver("overdue"),
    },
  })
}

function startAuto(leases: LeaseParts, ownership: Leases, { parts, discord, signal }: RunningOptions): void {
  const auto = new AutoReshard({
    reshards: leases.reshard.reshards,
    shards: () => leases.ledger.shards(),
    isFirst: () => ownership.isFirst,
    newId: leases.reshard.newAttempt,
    ...{ discord, clock: parts.clock, log: parts.log },
  })
  signal.addEventListener("abort", () => auto.close())
}

/** By id: packets for a shard go to the bot's set, whatever comes up or closes beside it. */
function ownShards(fleet: Fleet, set: ShardSet): readonly number[] {
  return [...fleet.units.values()].filter(({ place }) => hasSlot(set, place.slot)).map(({ place }) => place.shard)
}

interface Sending {
  readonly parts: GatewayParts
  readonly fleet: Fleet
  readonly set: () => ShardSet
  readonly shardIds: readonly number[]
  readonly signal: AbortSignal
}

function sendOptions({ parts, fleet, set, shardIds, signal }: Sending): SendConsumerOptions {
  const { broker, metrics, log } = parts
  const targets = {
    get shardCount() {
      return set().count
    },
    shard: (id: number) => {
      const shard = fleet.units.get(set().firstSlot + id)?.shard
      return shard === undefined ? undefined : shard.send.bind(shard)
    },
  }
  const onRefused = ({ reason }: { readonly reason: string }) => metrics.sendRefused(reason)
  return { broker, targets, shardIds, log, onRefused, signal }
}
