// `spectacles/gateway-client`: what a command handler asks of the gateway, over any broker.

import type { GatewayPresenceUpdateData } from "discord-api-types/v10"
import { Opcode } from "../discord/opcodes.ts"
import { type Clock, systemClock } from "../flow/clock.ts"
import type { MemberList } from "./gateway/member-list.ts"
import { type MemberQuery, Members } from "./gateway/members.ts"
import { type GatewayBroker, type Packet, Sender, type Target } from "./gateway/send.ts"
import { Voice, type VoiceConnection, type VoiceJoin } from "./gateway/voice.ts"

export type { Member, MemberList, MemberPresence, MembersChunk } from "./gateway/member-list.ts"
export type { MemberQuery } from "./gateway/members.ts"
export type { GatewayBroker, Packet, Target } from "./gateway/send.ts"
export type { VoiceConnection, VoiceJoin } from "./gateway/voice.ts"

/** Settings of a gateway client. */
export interface GatewayClientOptions {
  /** The bot's user id, by which it tells its own voice state from others'. Only joinVoice needs it. */
  readonly userId?: string
  /** How many shards the gateway runs in all. Only updatePresence needs it. */
  readonly shardCount?: number
  /** For tests. */
  readonly clock?: Clock
}

/**
 * Sends packets through the gateway and waits for their answers, which the gateway must publish: GUILD_MEMBERS_CHUNK and
 * RATE_LIMITED for members, VOICE_STATE_UPDATE and VOICE_SERVER_UPDATE for voice.
 * @example
 * const client = new GatewayClient(new Redis("commands", new RedisClient()), { userId: "80351110224678912" })
 * for await (const member of client.requestGuildMembers({ guildId: "197038439483310086" })) console.log(member.nick)
 */
export class GatewayClient {
  readonly #sender: Sender
  readonly #members: Members
  readonly #voice: Voice
  readonly #shardCount: number | undefined

  /** @param broker a `Redis` or an `Amqp` (of the gateway's group) that is connected; closing it stays yours. */
  constructor(broker: GatewayBroker, { userId, shardCount, clock = systemClock }: GatewayClientOptions = {}) {
    this.#sender = new Sender(broker)
    this.#members = new Members(broker, this.#sender, clock)
    this.#voice = new Voice(broker, this.#sender, userId, clock)
    this.#shardCount = shardCount
  }

  /**
   * Sends a packet on a shard (a number) or on the shard of a guild (its id). Resolves once the broker has it.
   * @example await client.send("197038439483310086", { op: 31, d: { guild_ids: ["197038439483310086"] } })
   * @throws RangeError or TypeError for a packet or a target that the gateway would refuse.
   */
  send(target: Target, packet: Packet): Promise<void> {
    return this.#sender.send(target, packet)
  }

  /**
   * Members of a guild, as they arrive. Equal requests that are under way at the same time share one packet and its
   * answer; Discord's rate limit is waited for.
   * @example const { members, notFound } = await client.requestGuildMembers({ guildId, userIds: ["1", "2"] }).all()
   * @throws RangeError or TypeError for what Discord would refuse; the list throws when the answer does not come.
   */
  requestGuildMembers(query: MemberQuery): MemberList {
    return this.#members.list(query)
  }

  /**
   * Sets the bot's presence, on all shards unless some are named.
   * @example await client.updatePresence({ since: null, activities: [], status: "idle", afk: false })
   * @throws TypeError when neither the shards nor `shardCount` were given.
   */
  async updatePresence(
    presence: GatewayPresenceUpdateData,
    { shards = this.#allShards() }: { readonly shards?: readonly number[] } = {},
  ): Promise<void> {
    await Promise.all(shards.map((shard) => this.send(shard, { op: Opcode.PresenceUpdate, d: presence })))
  }

  /**
   * Joins a voice channel. Resolves to what a voice connection is opened with.
   * @example const { state, server } = await client.joinVoice({ guildId, channelId })
   * @throws Error when Discord does not answer in time, TypeError when the client does not know `userId`.
   */
  joinVoice(join: VoiceJoin): Promise<VoiceConnection> {
    return this.#voice.join(join)
  }

  /** Leaves the voice channel of a guild. */
  leaveVoice(guildId: string): Promise<void> {
    return this.#voice.leave(guildId)
  }

  /** Ends what waits for answers. The broker stays open: it is its owner's to close. */
  async close(): Promise<void> {
    await Promise.all([this.#members.close(), this.#voice.close()])
  }

  #allShards(): readonly number[] {
    if (this.#shardCount === undefined) {
      throw new TypeError("Cannot set the presence on all shards: the client was made without shardCount.")
    }
    return Array.from({ length: this.#shardCount }, (_, shard) => shard)
  }
}
