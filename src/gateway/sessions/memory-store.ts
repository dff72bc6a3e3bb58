// Sessions in memory: they last as long as the store does. Given to two gateways in turn, the second one resumes.

import type { Session, SessionStore } from "./session.ts"

export function memorySessionStore(): SessionStore {
  const sessions = new Map<number, Session>()
  return {
    load: async (shard) => sessions.get(shard) ?? null,
    async save(saved) {
      for (const session of saved) sessions.set(session.shard, session)
    },
    async drop(shard) {
      sessions.delete(shard)
    },
    close: async () => {},
  }
}
