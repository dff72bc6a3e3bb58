// The answer to a request for members, as it comes in: several may read it, each from the start.

import type { GatewayEvents } from "../events.ts"

/** A part of the answer, up to 1,000 members. */
export type MembersChunk = GatewayEvents["GUILD_MEMBERS_CHUNK"]
export type Member = MembersChunk["members"][number]
export type MemberPresence = NonNullable<MembersChunk["presences"]>[number]

/**
 * Members of a guild, one after another as they arrive.
 * @example for await (const { user } of client.requestGuildMembers({ guildId })) console.log(user.username)
 */
export class MemberList implements AsyncIterable<Member> {
  /** In the order of arrival; Discord says how many there will be. */
  readonly #chunks: MembersChunk[] = []
  readonly #seen = new Set<number>()
  #state:
    | { readonly type: "open" }
    | { readonly type: "whole" }
    | { readonly type: "failed"; readonly error: unknown } = { type: "open" }
  /** Who waits for more. */
  readonly #waiting: (() => void)[] = []

  /** @throws what kept the rest from coming. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Member, void, undefined> {
    for await (const { members } of this.chunks()) yield* members
  }

  /** The same in parts as Discord sends them, with `not_found` and `presences`. */
  async *chunks(): AsyncGenerator<MembersChunk, void, undefined> {
    for (let index = 0; ; index += 1) {
      while (index === this.#chunks.length) {
        if (this.#state.type === "failed") throw this.#state.error
        if (this.#state.type === "whole") return
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
      }
      const chunk = this.#chunks[index]
      if (chunk !== undefined) yield chunk
    }
  }

  /** Everything at once; `notFound` has the ids that were asked for and are nobody's in the guild. */
  async all(): Promise<{ members: Member[]; notFound: string[]; presences: MemberPresence[] }> {
    const chunks: MembersChunk[] = []
    for await (const chunk of this.chunks()) chunks.push(chunk)
    return {
      members: chunks.flatMap(({ members }) => members),
      notFound: chunks.flatMap(({ not_found: ids }) => (ids ?? []).map(String)),
      presences: chunks.flatMap(({ presences }) => presences ?? []),
    }
  }

  /** @internal A part that came; one that came twice is dropped. True when it was the last. */
  add(chunk: MembersChunk): boolean {
    if (this.#seen.has(chunk.chunk_index)) return false
    this.#seen.add(chunk.chunk_index)
    this.#chunks.push(chunk)
    if (this.#seen.size >= chunk.chunk_count) this.#state = { type: "whole" }
    this.#change()
    return this.#state.type === "whole"
  }

  /** @internal */
  fail(error: unknown): void {
    this.#state = { type: "failed", error }
    this.#change()
  }

  #change(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
