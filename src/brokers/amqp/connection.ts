// One connection to RabbitMQ that is always there again: dialled over the hosts in turn, with backoff, and set up anew by
// its owner each time. Whatever goes wrong on it, the way to heal is the same: another connection.

import { type ChannelModel, connect, credentials } from "amqplib"
import { backoffMs } from "../../flow/backoff.ts"
import { type Clock, sleep } from "../../flow/clock.ts"
import { settlesWithin } from "../../flow/deadline.ts"
import type { Logger } from "../../ops/log.ts"
import { asError, BrokerFailedError, connectFailure, isOperatorsMatter, reasonOf } from "./failure.ts"
import { dialUrl, loginOf, shownUrl } from "./server-url.ts"

const BACKOFF = { baseMs: 200, capMs: 5_000 } as const
/** Up for this long, a connection counts as good: the next one is dialled without waiting. */
const STEADY_MS = 10_000
/** From the dial to the end of the handshake. */
const DIAL_TIMEOUT_MS = 10_000
/** How long a server may take to answer a polite close. */
export const CLOSE_WITHIN_MS = 500

export interface ConnectionOptions {
  /** The name of the connection in RabbitMQ's dashboard. */
  readonly name: string
  /** The hosts, tried in turn. At least one. */
  readonly urls: readonly string[]
  /** The authority of the hosts' certificates, PEM. Absent: the system's. */
  readonly ca?: string
  /** How long it is tried at the start before it counts as failed. Later it is tried for ever. */
  readonly firstWithinMs: number
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  readonly on: ConnectionEvents
}

export interface ConnectionEvents {
  /** Sets the connection up. When it rejects, the connection is given up. */
  readonly up: (connection: ChannelModel) => Promise<void>
  readonly down: () => void
  /** The server takes no messages any more, and why; null: it does again. */
  readonly blocked: (reason: string | null) => void
  /** It will never work without an operator. */
  readonly failed: (error: BrokerFailedError) => void
}

interface Present {
  readonly connection: ChannelModel
  readonly lost: PromiseWithResolvers<Error>
}

export class AmqpConnection {
  readonly #options: ConnectionOptions
  readonly #closing = new AbortController()
  #present: Present | null = null
  #running: Promise<void> | null = null

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** Dials from now on. May be called again. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Gives the present connection up, to go on with another one. */
  renew(reason: Error): void {
    this.#present?.lost.resolve(reason)
  }

  /** Ends it. Resolves when the server has let go, or does not answer. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#present?.lost.resolve(new Error("it was closed"))
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, random, urls, firstWithinMs, on } = this.#options
    const startedMs = clock.nowMs()
    let wasUp = false
    for (let attempt = 0, host = 0; !this.#closing.signal.aborted; ) {
      const round = Math.floor(attempt / urls.length)
      await sleep(clock, backoffMs(round, BACKOFF, random()), this.#closing.signal).catch(() => {})
      if (this.#closing.signal.aborted) return
      const url = urls[host % urls.length] ?? ""
      const dialledMs = clock.nowMs()
      const { up, error } = await this.#live(url)
      if (this.#closing.signal.aborted) return
      wasUp ||= up
      const overdue = !wasUp && (isOperatorsMatter(error) || clock.nowMs() - startedMs >= firstWithinMs)
      if (error instanceof BrokerFailedError || overdue) return on.failed(connectFailure(url, error))
      this.#logLoss(url, up, round, error)
      attempt = up && clock.nowMs() - dialledMs >= STEADY_MS ? 0 : attempt + 1
      if (!up) host += 1
    }
  }

  /** One connection's life: resolves to what ended it. */
  async #live(url: string): Promise<{ readonly up: boolean; readonly error: Error }> {
    const { on, log, name, clock } = this.#options
    let connection: ChannelModel
    try {
      connection = await this.#dial(url)
    } catch (error) {
      return { up: false, error: asError(error) }
    }
    const lost = Promise.withResolvers<Error>()
    this.#present = { connection, lost }
    this.#watch(connection, lost)
    let up = false
    const ready = on.up(connection).then(() => {
      up = true
      log.info({ connection: name, server: shownUrl(url) }, "connected to RabbitMQ")
    })
    ready.catch((error: unknown) => lost.resolve(asError(error)))
    const error = await lost.promise
    this.#present = null
    on.down()
    const closed = connection.close().catch(() => {})
    await settlesWithin(clock, CLOSE_WITHIN_MS, closed)
    return { up, error }
  }

  /** A dial that is still under way when this is closed ends by itself. */
  #dial(url: string): Promise<ChannelModel> {
    const { name, ca } = this.#options
    const login = loginOf(url)
    return new Promise((resolve, reject) => {
      const onClose = () => reject(new Error("it was closed"))
      this.#closing.signal.addEventListener("abort", onClose)
      connect(dialUrl(url), {
        noDelay: true,
        timeout: DIAL_TIMEOUT_MS,
        ...(ca === undefined ? {} : { ca }),
        ...(login === null ? {} : { credentials: credentials.plain(login.username, login.password) }),
        clientProperties: { connection_name: name },
      })
        .then((connection) => {
          if (!this.#closing.signal.aborted) return resolve(connection)
          // It may break before it is closed, and an error that nobody listens for would end the process.
          connection.on("error", () => {})
          connection.close().catch(() => {})
        }, reject)
        .finally(() => this.#closing.signal.removeEventListener("abort", onClose))
    })
  }

  #watch(connection: ChannelModel, lost: PromiseWithResolvers<Error>): void {
    const { on } = this.#options
    connection.on("error", (error) => lost.resolve(error))
    connection.on("close", (error) => lost.resolve(error ?? new Error("the server has closed the connection")))
    connection.on("blocked", (reason) => {
      if (this.#present?.lost === lost) on.blocked(reason)
    })
    connection.on("unblocked", () => on.blocked(null))
  }

  /** Each host's first failure is worth a line, and not each of those that follow. */
  #logLoss(url: string, wasUp: boolean, round: number, error: Error): void {
    const { log, name } = this.#options
    const fields = { connection: name, server: shownUrl(url), reason: reasonOf(error) }
    if (wasUp) log.warn(fields, "lost RabbitMQ; connecting again")
    else if (round === 0) log.warn(fields, "cannot reach RabbitMQ; trying until it is there")
    else log.debug(fields, "cannot reach RabbitMQ")
  }
}
