// What a user would write today for Redis, in a process of its own (bench/peers).

import { existsSync } from "node:fs"
import { join } from "node:path"
import type { Sample } from "../benchmark.ts"
import { startLineProcess } from "../feed/line-process.ts"

const PEERS = join(import.meta.dir, "..", "peers")

export function whyNoPeer(): string | undefined {
  return existsSync(join(PEERS, "node_modules"))
    ? undefined
    : "run `npm_config_nodedir=/usr npm install` in bench/peers"
}

export interface Peer {
  /** Calls `send`, and measures until that many events more are confirmed. */
  measure(events: number, send: () => void): Promise<Sample>
  stop(): Promise<void>
}

/** Resolves once READY and the guilds are through. */
export async function startDiscordjs(host: string, redisUrl: string, shards: number): Promise<Peer> {
  const script = join(PEERS, "discordjs-redis.mjs")
  const peer = startLineProcess(["node", script, `http://${host}/api`, redisUrl, String(shards)])
  peer.say({ quiet: true })
  await peer.hear()
  return {
    async measure(events, send) {
      peer.say({ events })
      await peer.hear()
      send()
      const { cpuUs, wallUs } = await peer.hear()
      return { events, cpuUs: Number(cpuUs), wallUs: Number(wallUs) }
    },
    stop: () => peer.stop(),
  }
}
