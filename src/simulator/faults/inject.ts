// Making a fault happen: at once on the connections there are, or by leaving it for its moment.

import { guildCreate } from "../corpus/guild.ts"
import { shardEvent } from "../corpus/mix.ts"
import { seededRandom } from "../corpus/random.ts"
import type { GatewayConnection } from "../gateway/connection.ts"
import type { GatewayListener } from "../gateway/listener.ts"
import { giantGuild } from "../gateway/ready.ts"
import type { GatewayServices } from "../gateway/services.ts"
import type { Session } from "../gateway/session.ts"
import { readFault, type TrafficFault } from "./fault.ts"
import type { SharedLimitFault } from "./rest-fault.ts"

export interface Injection {
  /** For `cancel`, where the fault waits or lasts; undefined for one that has already happened. */
  readonly id?: number
  /** How many connections it happened to at once. */
  readonly connections: number
}

/** @throws FaultError when there is no such fault. */
export function inject(
  input: unknown,
  services: GatewayServices,
  listener: GatewayListener,
  rest: { readonly holdShared: (fault: SharedLimitFault) => void },
): Injection {
  const { kind, fault } = readFault(input)
  switch (kind) {
    case "incident": {
      if (fault.on !== "now") return { id: services.faults.arm(fault), connections: 0 }
      const connections = listener.connections(fault.shard)
      for (const connection of connections) connection.suffer(fault)
      return { connections: connections.length }
    }
    case "condition":
      if (fault.type === "refuse-connections") listener.refuse(true)
      return { id: services.faults.hold(fault), connections: 0 }
    case "request":
      return { id: services.faults.armRequest(fault), connections: 0 }
    case "shared-limit":
      rest.holdShared(fault)
      return { connections: 0 }
    case "traffic": {
      let connections = 0
      for (const connection of listener.connections(fault.shard)) {
        const session = connection.session()
        if (session === undefined) continue
        spoil(fault, connection, session, services)
        connections += 1
      }
      if (fault.type === "forget-sessions")
        for (const session of services.sessions.live(fault.shard)) services.sessions.end(session)
      return { connections }
    }
  }
}

function spoil(
  fault: TrafficFault,
  connection: GatewayConnection,
  session: Session,
  { world, settings }: GatewayServices,
): void {
  const { shard, shardCount } = session.plan
  switch (fault.type) {
    case "corrupt": {
      const random = seededRandom(settings.seed, `corrupt ${session.sequence()}`)
      const place = { shard, guildIds: world.guildIdsOf(shard, shardCount) }
      const event = shardEvent(random, world, place, settings.clock.wallMs())
      if (event !== undefined)
        connection.outbox.sendCorrupt(session.number(event.t, JSON.stringify(event.d)), fault.how)
      return
    }
    case "giant-guild": {
      const guild = giantGuild(world, session.plan, fault.bytes)
      if (guild !== undefined) session.dispatch({ t: "GUILD_CREATE", d: guild })
      return
    }
    case "guild-flood":
      return flood(fault, connection, session, { world, settings })
    case "forget-sessions":
      return
  }
}

/** GUILD_CREATEs evenly over the time, the ACKs after the last. */
function flood(
  { guilds, durationMs }: { readonly guilds: number; readonly durationMs: number },
  connection: GatewayConnection,
  session: Session,
  { world, settings }: Pick<GatewayServices, "world" | "settings">,
): void {
  const ids = world.guildIdsOf(session.plan.shard, session.plan.shardCount)
  connection.holdAcks()
  let sent = 0
  const next = () => {
    const guild = world.guild(ids[sent % ids.length] ?? "")
    if (sent === guilds || guild === undefined || !connection.isOpen()) return connection.releaseAcks()
    session.dispatch({ t: "GUILD_CREATE", d: guildCreate(guild, { largeThreshold: 250, presences: true }) })
    sent += 1
    settings.clock.after(durationMs / guilds, next)
  }
  next()
}
