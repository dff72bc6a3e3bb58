// Starts a simulated Discord: puts its parts together on two ports, REST and gateway, which at Discord are two hosts.

import { loadCodec } from "../codec/load.ts"
import { Control } from "./control/routes.ts"
import { seededRandom } from "./corpus/random.ts"
import { makeWorld, type World } from "./corpus/world.ts"
import { type Fault, FaultError } from "./faults/fault.ts"
import { Faults } from "./faults/faults.ts"
import { inject } from "./faults/inject.ts"
import { Commands } from "./gateway/commands.ts"
import { Credentials } from "./gateway/credentials.ts"
import { IdentifyBudget, type SessionStartLimit } from "./gateway/identify-budget.ts"
import { GatewayListener } from "./gateway/listener.ts"
import { sendGuilds } from "./gateway/ready.ts"
import type { GatewayServices } from "./gateway/services.ts"
import type { Session } from "./gateway/session.ts"
import { Sessions } from "./gateway/sessions.ts"
import { type Settings, type SimulatorOptions, settingsOf, type TrafficRate } from "./options.ts"
import { claimPort } from "./port-in-use.ts"
import { ClientRecord } from "./record.ts"
import { restRoute } from "./rest/routes.ts"
import type { SessionView, Simulator } from "./simulator.ts"
import { MAX_BURST_EVENTS, prepareBurst } from "./traffic/burst.ts"
import { Traffic } from "./traffic/traffic.ts"

/**
 * Starts a simulated Discord, in this process.
 * @example
 * const discord = await startSimulator({ guilds: 3 })
 * // … connect a bot to discord.url …
 * discord.inject({ type: "reconnect", shard: 0 })
 * await discord.stop()
 * @throws PortInUseError when another program has one of the ports.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  return new RunningSimulator(settingsOf(options), options.codec ?? loadCodec("auto"), await closedPort())
}

class RunningSimulator implements Simulator {
  readonly url: string
  readonly host: string
  readonly gatewayUrl: string
  readonly world: World
  readonly record: ClientRecord
  readonly #settings: Settings
  readonly #services: GatewayServices
  readonly #listener: GatewayListener
  readonly #traffic: Traffic
  readonly #http: Bun.Server<undefined>
  readonly #stopping = new AbortController()

  constructor(settings: Settings, codec: GatewayServices["codec"], closed: number) {
    const { seed, guilds, membersPerGuild, clock, hostname } = settings
    const sizes = membersPerGuild === undefined ? {} : { membersPerGuild }
    this.#settings = settings
    this.world = makeWorld({ seed, guilds, nowMs: clock.wallMs(), ...sizes })
    this.record = new ClientRecord(settings.recordEntries, () => clock.wallMs())
    // Of the time as well: a session id must not come again when the simulator is started again.
    const random = seededRandom(seed, `gateway ${clock.wallMs()}`)
    this.#services = {
      settings,
      codec,
      world: this.world,
      record: this.record,
      credentials: new Credentials(settings.token),
      sessions: new Sessions({ clock, random, lifetimeMs: settings.sessionLifetimeMs }),
      budget: new IdentifyBudget({ clock, perDay: settings.identifiesPerDay, maxConcurrency: settings.maxConcurrency }),
      commands: new Commands(this.world, clock, random),
      faults: new Faults(),
      deadUrl: `ws://${dialable(hostname)}:${closed}`,
      begin: (session) => void this.#begin(session),
      resetToken: () => this.#resetToken(),
    }
    this.#listener = new GatewayListener(this.#services)
    this.#http = this.#serve()
    this.host = `${dialable(hostname)}:${this.#http.port}`
    this.url = `http://${this.host}`
    this.gatewayUrl = `ws://${dialable(hostname)}:${this.#listener.port}`
    this.#traffic = new Traffic({ world: this.world, sessions: this.#services.sessions, clock, seed })
    this.setRate(settings.rate)
  }

  inject(fault: Fault) {
    return inject(fault, this.#services, this.#listener)
  }

  cancel(id: number): boolean {
    const found = this.#services.faults.cancel(id)
    this.#followRefusal()
    return found
  }

  clearFaults(): void {
    this.#services.faults.clear()
    this.#followRefusal()
  }

  faults() {
    return this.#services.faults.waiting()
  }

  dispatch(shard: number, t: string, d: unknown): number {
    return this.#services.sessions.live(shard).filter((session) => session.dispatch({ t, d })).length
  }

  sessions(): readonly SessionView[] {
    const live = new Set(this.#services.sessions.live())
    return this.#services.sessions.all().map((session) => {
      const { id, shard, shardCount, intents } = session.plan
      const connected = session.connection() !== undefined
      return { id, shard, shardCount, intents, sequence: session.sequence(), connected, live: live.has(session) }
    })
  }

  log(sessionId: string, afterSequence = 0) {
    return this.#services.sessions
      .all()
      .find((session) => session.plan.id === sessionId)
      ?.log.after(afterSequence)
  }

  rate(): TrafficRate {
    return this.#traffic.rate()
  }

  setRate(rate: TrafficRate): void {
    this.#traffic.setRate(rate)
  }

  limits(): SessionStartLimit {
    return this.#services.budget.status()
  }

  setLimits(limits: Partial<SessionStartLimit>): void {
    this.#services.credentials.restore()
    this.#services.budget.set(limits)
  }

  async prepareBurst({ shard, events }: { readonly shard: number; readonly events: number }) {
    const connection = this.#listener.connections(shard).find((candidate) => candidate.session()?.isReady())
    const session = connection?.session()
    if (connection === undefined || session === undefined)
      throw new FaultError(`Cannot prepare a burst for shard ${shard}: no ready session of it is connected.`)
    if (events < 1 || events > MAX_BURST_EVENTS)
      throw new FaultError(`Cannot prepare a burst of ${events} events: from 1 to ${MAX_BURST_EVENTS} are possible.`)
    const { seed, clock } = this.#settings
    return prepareBurst(connection.outbox, session, this.world, { events, seed, wallMs: clock.wallMs() })
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#traffic.stop()
    this.#listener.close()
    this.#services.sessions.close()
    await this.#http.stop(true)
  }

  #serve(): Bun.Server<undefined> {
    const { hostname, port, shards } = this.#settings
    const { credentials, budget } = this.#services
    const control = new Control(this)
    const rest = {
      world: this.world,
      record: this.record,
      shards,
      credentials,
      budget,
      gatewayPort: this.#listener.port,
    }
    try {
      return claimPort(hostname, port, () =>
        Bun.serve({
          hostname,
          port,
          fetch: async (request) =>
            restRoute(request, rest) ??
            (await control.route(request)) ??
            new Response("This is a simulated Discord: its API is under /api/v10, its controls under /simulator.\n", {
              status: 404,
            }),
        }),
      )
    } catch (error) {
      this.#listener.close()
      throw error
    }
  }

  async #begin(session: Session): Promise<void> {
    await sendGuilds(session, this.world, this.#stopping.signal)
    session.markReady()
  }

  #resetToken(): void {
    this.#services.credentials.reset()
    for (const connection of this.#listener.connections()) connection.close(4004, "Authentication failed.")
    for (const session of this.#services.sessions.live()) this.#services.sessions.end(session)
  }

  /** Listens, unless some fault still says not to. */
  #followRefusal(): void {
    this.#listener.refuse(this.#services.faults.condition("refuse-connections") !== undefined)
  }
}

/** Who listens on every address is reached on this one. */
function dialable(hostname: string): string {
  return hostname === "0.0.0.0" ? "127.0.0.1" : hostname
}

/** A port that was free a moment ago and that nobody listens on. */
async function closedPort(): Promise<number> {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
  const { port } = probe
  probe.stop(true)
  return port
}
