// A dial for a shard that is run under a lease: nothing goes to Discord once the lease may be another's. A process that was
// paused finds frames and timers waiting when it wakes up, in any order; whatever it does first, it neither connects nor
// resumes nor identifies with a lease that has passed.

import type { Dial, Socket } from "../socket.ts"

/** @param isHeld by the own clock, at this moment */
export function leasedDial(dial: Dial, isHeld: () => boolean): Dial {
  return (url, events) => {
    const socket: Socket = isHeld() ? dial(url, events) : noSocket
    return {
      send(text) {
        if (isHeld()) socket.send(text)
        else socket.terminate()
      },
      close: (code) => socket.close(code),
      terminate: () => socket.terminate(),
    }
  }
}

/** Its shard is about to be stopped: it waits for an opening that never comes. */
const noSocket: Socket = { send() {}, close() {}, terminate() {} }
