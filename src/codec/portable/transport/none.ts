// No compression: a frame is a message.

import { DecodeError, type DecoderLimits } from "../../decoder.ts"
import type { Transport } from "./transport.ts"

export function plainTransport({ maxMessageBytes }: DecoderLimits): Transport {
  return {
    push(frame, deliver) {
      if (frame.length > maxMessageBytes) {
        throw new DecodeError(
          "limit",
          `Cannot decode a message of ${frame.length} bytes: the limit is ${maxMessageBytes} bytes.`,
        )
      }
      deliver(frame)
    },
    reset() {},
  }
}
