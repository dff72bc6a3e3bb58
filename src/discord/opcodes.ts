// Gateway opcodes of API version 10.
// Source: Discord's documentation, Opcodes and Status Codes › Gateway Opcodes.

export const Opcode = {
  Dispatch: 0,
  Heartbeat: 1,
  Identify: 2,
  PresenceUpdate: 3,
  VoiceStateUpdate: 4,
  Resume: 6,
  Reconnect: 7,
  RequestGuildMembers: 8,
  InvalidSession: 9,
  Hello: 10,
  HeartbeatAck: 11,
  RequestSoundboardSounds: 31,
  RequestChannelInfo: 43,
} as const

export type Opcode = (typeof Opcode)[keyof typeof Opcode]

/** The opcodes that a command handler may send through the gateway; the rest belong to the gateway itself. */
export const SENDABLE_OPCODES: readonly number[] = [
  Opcode.PresenceUpdate,
  Opcode.VoiceStateUpdate,
  Opcode.RequestGuildMembers,
  Opcode.RequestSoundboardSounds,
  Opcode.RequestChannelInfo,
]
