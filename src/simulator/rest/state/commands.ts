// The application's commands, global ones and each guild's.
// Source: Discord's documentation, Application Commands.

import { unknown } from "../api-error.ts"
import type { NewId } from "./ids.ts"

export interface ApplicationCommand {
  readonly id: string
  readonly application_id: string
  readonly version: string
  readonly type: number
  readonly name: string
  readonly guild_id?: string
  readonly [field: string]: unknown
}

export type CommandPlan = { readonly name: string; readonly type: number; readonly [field: string]: unknown }

export class ApplicationCommands {
  readonly #newId: NewId
  readonly #applicationId: string
  /** By guild; the global ones under the empty text. */
  readonly #scopes = new Map<string, Map<string, ApplicationCommand>>()

  constructor(applicationId: string, newId: NewId) {
    this.#applicationId = applicationId
    this.#newId = newId
  }

  any(): boolean {
    return this.#scopes.size > 0
  }

  of(guildId: string): readonly ApplicationCommand[] {
    return [...(this.#scopes.get(guildId)?.values() ?? [])]
  }

  /** Global and guild commands that a member of the guild sees. */
  visibleIn(guildId: string): readonly ApplicationCommand[] {
    return [...this.of(""), ...this.of(guildId)]
  }

  /** @throws ApiError 10063 */
  get(guildId: string, id: string): ApplicationCommand {
    const command = this.#scopes.get(guildId)?.get(id)
    if (command === undefined) throw unknown("command")
    return command
  }

  /** Replaces one of the same name and type. `isNew` tells which it was. */
  upsert(guildId: string, plan: CommandPlan): { readonly command: ApplicationCommand; readonly isNew: boolean } {
    const known = this.of(guildId).find(({ name, type }) => name === plan.name && type === plan.type)
    const command: ApplicationCommand = {
      default_member_permissions: null,
      nsfw: false,
      description: "",
      options: [],
      ...plan,
      id: known?.id ?? this.#newId(),
      application_id: this.#applicationId,
      version: this.#newId(),
      ...(guildId === "" ? {} : { guild_id: guildId }),
    }
    this.#scope(guildId).set(command.id, command)
    return { command, isNew: known === undefined }
  }

  change(guildId: string, id: string, fields: object): ApplicationCommand {
    const command = { ...this.get(guildId, id), ...fields, version: this.#newId() }
    this.#scope(guildId).set(id, command)
    return command
  }

  remove(guildId: string, id: string): void {
    this.get(guildId, id)
    this.#scope(guildId).delete(id)
  }

  replaceAll(guildId: string, plans: readonly CommandPlan[]): readonly ApplicationCommand[] {
    const before = this.#scopes.get(guildId)
    const after = plans.map((plan) => this.upsert(guildId, plan).command)
    const kept = new Set(after.map(({ id }) => id))
    for (const id of before?.keys() ?? []) if (!kept.has(id)) before?.delete(id)
    return after
  }

  #scope(guildId: string): Map<string, ApplicationCommand> {
    const known = this.#scopes.get(guildId) ?? new Map<string, ApplicationCommand>()
    this.#scopes.set(guildId, known)
    return known
  }
}
