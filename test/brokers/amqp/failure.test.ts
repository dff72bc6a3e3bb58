import { describe, expect, test } from "bun:test"
import { connectFailure, isOperatorsMatter, reasonOf } from "../../../src/brokers/amqp/failure.ts"

const URL = "amqp://bot:hunter2@rabbit:5672/live"
/** As amqplib words them. */
const REFUSED =
  'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN."'
const NO_VIRTUAL_HOST = "Expected ConnectionOpenOk; got <ConnectionClose channel:0>"
const UNREACHABLE = "connect ECONNREFUSED 127.0.0.1:5672"
const SHUTDOWN =
  "Connection closed: 320 (CONNECTION-FORCED) with message \"CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'\""

describe("isOperatorsMatter", () => {
  for (const message of [REFUSED, NO_VIRTUAL_HOST, "self signed certificate", "406 (PRECONDITION-FAILED)"]) {
    test(`is true of ${message.slice(0, 40)}`, () => expect(isOperatorsMatter(new Error(message))).toBe(true))
  }
  for (const message of [UNREACHABLE, SHUTDOWN, "Heartbeat timeout", "404 (NOT-FOUND)"]) {
    test(`is false of ${message.slice(0, 40)}`, () => expect(isOperatorsMatter(new Error(message))).toBe(false))
  }
})

describe("connectFailure", () => {
  for (const [message, reason] of [
    [REFUSED, "it refuses the user name or the password; change them in amqp.url (AMQP_URL)."],
    [
      NO_VIRTUAL_HOST,
      'it has no virtual host "live" for this user; add it, or change the path of amqp.url (AMQP_URL).',
    ],
    [
      "self signed certificate",
      "its certificate is not accepted (self signed certificate); name your authority's file in amqp.ca_file (AMQP_CA_FILE), or change amqp.url (AMQP_URL).",
    ],
    [UNREACHABLE, "connect ECONNREFUSED 127.0.0.1:5672; start it, or change amqp.url (AMQP_URL)."],
    [
      "Frame size 1345270062 exceeds maxFrameSize 67108864",
      "what listens there does not speak amqp (Frame size 1345270062 exceeds maxFrameSize 67108864); change amqp.url (AMQP_URL).",
    ],
  ] as const) {
    test(`#36 says what to change: ${reason.slice(0, 30)}`, () => {
      const { message: sentence } = connectFailure(URL, new Error(message))
      expect(sentence).toBe(`Cannot connect to RabbitMQ at amqp://rabbit:5672/live: ${reason}`)
    })
  }

  test("#35 shows neither user nor password", () => {
    expect(connectFailure(URL, new Error(REFUSED)).message).not.toMatch(/bot|hunter2/)
  })
})

test("reasonOf leaves what RabbitMQ said", () => {
  expect(reasonOf(new Error(SHUTDOWN))).toBe(
    "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
  )
  expect(reasonOf(new Error("Heartbeat timeout"))).toBe("Heartbeat timeout")
})
