// Presences and activities, as in Discord's Gateway Events › Presence Update, Activity Object.

import { assetHash, snowflake } from "./ids.ts"
import type { Random } from "./random.ts"
import { sentence } from "./text.ts"

export interface Presence {
  readonly user: { readonly id: string }
  readonly status: "online" | "idle" | "dnd" | "offline"
  readonly activities: readonly object[]
  readonly client_status: Readonly<Record<string, string>>
}

export function makePresence(random: Random, userId: string, nowMs: number): Presence {
  const status = random.pick(["online", "online", "idle", "dnd", "offline"] as const)
  const activities: object[] = []
  if (status !== "offline") {
    if (random.chance(0.35)) activities.push(customStatus(random, nowMs))
    if (random.chance(0.3)) activities.push(spotify(random, nowMs))
    if (random.chance(0.4)) activities.push(game(random, nowMs))
  }
  const device = random.pick(["desktop", "mobile", "web"])
  return { user: { id: userId }, status, activities, client_status: status === "offline" ? {} : { [device]: status } }
}

function customStatus(random: Random, nowMs: number) {
  return {
    id: "custom",
    type: 4,
    name: "Custom Status",
    state: sentence(random, random.between(1, 6)),
    emoji: { name: "🌸" },
    created_at: nowMs - random.below(86_400_000),
  }
}

function game(random: Random, nowMs: number) {
  const startMs = nowMs - random.below(7_200_000)
  return {
    id: assetHash(random).slice(0, 16),
    type: 0,
    name: sentence(random, random.between(1, 3)),
    details: sentence(random, random.between(2, 5)),
    state: sentence(random, random.between(1, 4)),
    application_id: snowflake(nowMs - 90_000_000_000, random),
    session_id: assetHash(random),
    timestamps: { start: startMs },
    assets: { large_image: snowflake(startMs, random), large_text: "Level 12 — “Ruins”" },
    party: { id: assetHash(random), size: [random.between(1, 4), 4] },
    created_at: startMs,
  }
}

function spotify(random: Random, nowMs: number) {
  const startMs = nowMs - random.below(200_000)
  const track = random.token(22)
  return {
    id: "spotify:1",
    type: 2,
    name: "Spotify",
    details: sentence(random, 4),
    state: sentence(random, 2),
    sync_id: track,
    session_id: assetHash(random),
    flags: 48,
    timestamps: { start: startMs, end: startMs + random.between(120_000, 400_000) },
    assets: { large_image: `spotify:${assetHash(random)}00000000`, large_text: sentence(random, 3) },
    party: { id: `spotify:${snowflake(nowMs - 90_000_000_000, random)}` },
    created_at: startMs,
  }
}
