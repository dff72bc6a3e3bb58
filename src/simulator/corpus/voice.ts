// Voice states, as in Discord's Voice Resource › Voice State Object.

import { assetHash } from "./ids.ts"
import type { Random } from "./random.ts"
import type { Member } from "./user.ts"

export interface VoiceState {
  readonly channel_id: string | null
  readonly user_id: string
  readonly member: Member
  readonly session_id: string
  readonly deaf: boolean
  readonly mute: boolean
  readonly self_deaf: boolean
  readonly self_mute: boolean
  readonly self_video: boolean
  readonly self_stream?: boolean
  readonly suppress: boolean
  readonly request_to_speak_timestamp: null
}

export function makeVoiceState(random: Random, member: Member, channelId: string | null): VoiceState {
  return {
    channel_id: channelId,
    user_id: member.user.id,
    member,
    session_id: assetHash(random),
    deaf: false,
    mute: false,
    self_deaf: random.chance(0.2),
    self_mute: random.chance(0.4),
    self_video: random.chance(0.1),
    ...(random.chance(0.1) ? { self_stream: true } : {}),
    suppress: false,
    request_to_speak_timestamp: null,
  }
}
