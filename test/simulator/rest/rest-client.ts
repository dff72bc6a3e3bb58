// A simulator with a bot on its gateway, and plain requests to its REST API.

import type { Guild } from "../../../src/simulator/corpus/guild.ts"
import type { SimulatorOptions } from "../../../src/simulator/options.ts"
import type { Simulator } from "../../../src/simulator/simulator.ts"
import { startSimulator } from "../../../src/simulator/start.ts"
import { FakeClock } from "../../fixtures/fake-clock.ts"
import { GatewayClient } from "../gateway-client.ts"

export interface Answered {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON came; a test says what it expects of it.
  readonly json: any
}

export class RestClient {
  readonly clock: FakeClock
  readonly discord: Simulator
  readonly gateway: GatewayClient
  readonly guild: Guild
  /** A text channel of the guild. */
  readonly channel: string

  private constructor(discord: Simulator, gateway: GatewayClient, clock: FakeClock) {
    const guild = discord.world.guild(discord.world.guildIds[0] ?? "")
    const channel = guild?.textChannels[0]
    if (guild === undefined || channel === undefined) throw new Error("The world has no text channel.")
    this.discord = discord
    this.gateway = gateway
    this.clock = clock
    this.guild = guild
    this.channel = channel.id
  }

  /** Limits are off unless `options` say otherwise. */
  static async start(options: SimulatorOptions = {}): Promise<RestClient> {
    const clock = new FakeClock()
    const discord = await startSimulator({ guilds: 2, limits: { enforced: false }, clock, ...options })
    const gateway = new GatewayClient(discord.gatewayUrl)
    await gateway.identify(options.token === undefined ? {} : { token: options.token })
    await gateway.event("GUILD_CREATE")
    await gateway.event("GUILD_CREATE")
    return new RestClient(discord, gateway, clock)
  }

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answered> {
    const isForm = body instanceof FormData
    const response = await fetch(`${this.discord.url}/api/v10${path}`, {
      method,
      keepalive: false,
      headers: {
        authorization: "Bot any",
        ...(body === undefined || isForm ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get("content-type") === "application/json"
    return { status: response.status, headers: response.headers, json: isJson && text !== "" ? JSON.parse(text) : text }
  }

  /** As `call`, without an Authorization header. */
  anonymous(method: string, path: string, body?: unknown): Promise<Answered> {
    return this.call(method, path, body, { authorization: "" })
  }

  /** Sends a message to the channel; its id. */
  async message(content = "hello"): Promise<string> {
    return (await this.call("POST", `/channels/${this.channel}/messages`, { content })).json.id
  }

  async stop(): Promise<void> {
    this.gateway.cut()
    await this.discord.stop()
  }
}
