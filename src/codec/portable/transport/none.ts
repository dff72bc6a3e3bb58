// No compression: the frames are the text.

import type { Transport } from "./transport.ts"

export function plainTransport(): Transport {
  return {
    push: (frame, deliver) => deliver(frame, frame.length),
    reset() {},
  }
}
