// The confirm channel as the publisher uses it: whole frames in, confirms out. amqplib does everything around it; frames are
// written past its encoder, straight to its socket, which was chosen by measurement (Bun 1.4.5, 1.15 KB events, with confirms):
//   amqplib's publish                  10–14 µs CPU an event, and one system call each
//   whole batches of finished frames   3.7–4.5 µs, and one system call a batch; RabbitMQ gets a fifth more on two cores
// amqplib does not show what this takes, so it is looked up once and checked. Nothing else may publish on the channel: what
// amqplib writes itself goes through a queue of its own, and confirms are told apart by order alone.

import type { ChannelModel, ConfirmChannel } from "amqplib"

/** Told once for each AMQP message; an error when the server has not taken it. */
export type Confirm = (error: Error | null) => void

export interface Lane {
  /** Of the channel, in its frames. */
  readonly number: number
  /** The largest frame that was agreed on, in bytes. */
  readonly frameMax: number
  /**
   * Sends finished frames; they are the lane's afterwards.
   * @param messages how many messages they are; `confirm` is called as often
   * @returns false when the socket's buffer is full, until `drain`
   */
  send(frames: Buffer, messages: number, confirm: Confirm): boolean
}

interface LaneOptions {
  readonly connection: ChannelModel
  readonly channel: ConfirmChannel
  /** There is room again. */
  readonly onDrain: () => void
}

export function openLane({ connection, channel, onDrain }: LaneOptions): Lane {
  const inner = innerConnection(connection)
  const { ch: number, pushConfirmCallback } = innerChannel(channel)
  inner.stream.on("drain", onDrain)
  return {
    number,
    frameMax: inner.frameMax,
    send(frames, messages, confirm) {
      for (let count = 0; count < messages; count += 1) pushConfirmCallback.call(channel, confirm)
      if (frames.length > 0) inner.sendBytes(frames)
      return !inner.stream.writableNeedDrain
    },
  }
}

interface InnerConnection {
  readonly frameMax: number
  sendBytes(bytes: Buffer): void
  readonly stream: { readonly writableNeedDrain: boolean; on(event: "drain", run: () => void): unknown }
}

interface InnerChannel {
  readonly ch: number
  readonly pushConfirmCallback: (confirm: Confirm) => void
}

function innerConnection({ connection }: ChannelModel): InnerConnection {
  const inner = connection as unknown as Partial<InnerConnection>
  const { frameMax, sendBytes, stream } = inner
  if (
    typeof frameMax !== "number" ||
    typeof sendBytes !== "function" ||
    typeof stream?.writableNeedDrain !== "boolean"
  ) {
    throw new TypeError(
      "amqplib's connection is not as lane.ts knows it: check it against the version that is installed.",
    )
  }
  return inner as InnerConnection
}

function innerChannel(channel: ConfirmChannel): InnerChannel {
  const inner = channel as unknown as Partial<InnerChannel>
  if (typeof inner.ch !== "number" || typeof inner.pushConfirmCallback !== "function") {
    throw new TypeError("amqplib's channel is not as lane.ts knows it: check it against the version that is installed.")
  }
  return inner as InnerChannel
}
