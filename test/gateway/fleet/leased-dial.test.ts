import { expect, test } from "bun:test"
import { leasedDial } from "../../../src/gateway/fleet/leased-dial.ts"
import type { Dial } from "../../../src/gateway/socket.ts"

const events = { opened() {}, frame() {}, closed() {} }

function recorded(isHeld: () => boolean) {
  const did: string[] = []
  const dial: Dial = (url) => {
    did.push(`dial ${url}`)
    return {
      send: (text) => did.push(`send ${text}`),
      close: (code) => did.push(`close ${code}`),
      terminate: () => did.push("terminate"),
    }
  }
  return { did, dial: leasedDial(dial, isHeld) }
}

test("dials and sends while the lease is held", () => {
  const { did, dial } = recorded(() => true)
  dial("ws://discord", events).send("resume")
  expect(did).toEqual(["dial ws://discord", "send resume"])
})

test("#34 dials nothing once the lease may be another's", () => {
  const { did, dial } = recorded(() => false)
  const socket = dial("ws://discord", events)
  socket.send("resume")
  socket.close(4000)
  expect(did).toEqual([])
})

test("#34 a connection that was dialled before the process was paused resumes nothing after", () => {
  let isHeld = true
  const { did, dial } = recorded(() => isHeld)
  const socket = dial("ws://discord", events)
  isHeld = false
  socket.send("resume")
  socket.close(4000)
  expect(did).toEqual(["dial ws://discord", "terminate", "close 4000"])
})
