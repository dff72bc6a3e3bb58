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
import type { HttpService } from "./http/connection.ts"
import { HttpListener } from "./http/listener.ts"
import { textReply } from "./http/reply.ts"
import { type Settings, type SimulatorOptions, settingsOf, type TrafficRate } from "./options.ts"
import { ClientRecord } from "./record.ts"
import { SimulatedRest } from "./rest/simulated-rest.ts"
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
 * @throws OperatorError when one of the ports cannot be had.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  return new RunningSimulator(settingsOf(options), options.codec ?? loadCodec("auto"), await closedPort())
}

const WHERE_THINGS_ARE = "This is a simulated Discord: its API is under /api/v10, its controls under /simulator.\n"

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
  readonly rest: SimulatedRest
  readonly #http: HttpListener
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
    this.rest = this.#makeRest()
    this.#http = this.#serve()
    this.host = `${dialable(hostname)}:${this.#http.port}`
    this.url = `http://${this.host}`
    this.gatewayUrl = `ws://${dialable(hostname)}:${this.#listener.port}`
    this.#traffic = new Traffic({
      world: this.world,
      sessions: this.#services.sessions,
      clock,
      seed,
      instead: (traffic, guildIds) => this.rest.trafficInteraction(traffic, guildIds),
      onEvent: (event) => this.rest.remember(event),
    })
    this.setRate(settings.rate)
  }

  inject(fault: Fault) {
    return inject(fault, this.#services, this.#listener, this.rest)
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
    this.rest.remember({ t, d })
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
    this.#http.close()
  }

  #makeRest(): SimulatedRest {
    const { clock, shards, recordRequests, limits } = this.#settings
    const { budget, credentials, sessions, faults } = this.#services
    const { world, record } = this
    return new SimulatedRest({
      ...{ world, record, clock, shards, budget, credentials, sessions, faults, limits },
      recordsRequests: recordRequests,
      gatewayPort: this.#listener.port,
      origin: () => this.url,
    })
  }

  #serve(): HttpListener {
    const { hostname, port } = this.#settings
    const { api } = this.rest
    const control = new Control(this)
    const service: HttpService = {
      begin: (head) => (head.path.startsWith("/api/") ? api.begin(head) : "read"),
      answer: (head, body, reply) => {
        if (head.path.startsWith("/api/")) return api.answer(head, body, reply)
        if (head.path.startsWith("/attachments/")) return reply(api.file(head))
        control.route(head, body).then(
          (answer) => reply(answer ?? textReply(404, WHERE_THINGS_ARE)),
          (error: unknown) => reply(textReply(500, `${String(error)}\n`)),
        )
      },
    }
    try {
      return new HttpListener({ hostname, port, service })
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
