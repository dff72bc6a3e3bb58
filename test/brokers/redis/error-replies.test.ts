// What is done about each error that Redis may answer a publish with.

import { expect, test } from "bun:test"
import { type Remedy, remedyOf } from "../../../src/brokers/redis/error-replies.ts"

const WAIT: Remedy = { type: "wait" }
const RECONNECT: Remedy = { type: "reconnect" }
const GIVE_UP: Remedy = { type: "give-up" }

test.each<readonly [string, Remedy]>([
  ["LOADING Redis is loading the dataset in memory", WAIT],
  ["OOM command not allowed when used memory > 'maxmemory'.", WAIT],
  ["EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.", WAIT],
  ["MISCONF Errors writing to the AOF file: No space left on device", WAIT],
  ["NOREPLICAS Not enough good replicas to write.", WAIT],
  ["BUSY Redis is busy running a script.", WAIT],
  ["CLUSTERDOWN The cluster is down", WAIT],
  ["TRYAGAIN Multiple keys request during rehashing of slot", WAIT],
  ["READONLY You can't write against a read only replica.", RECONNECT],
  ["EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.", RECONNECT],
  ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", RECONNECT],
  ["ERR max number of clients reached", RECONNECT],
  ["MOVED 3999 10.0.0.2:6381", { type: "moved", address: "10.0.0.2:6381", once: false }],
  ["ASK 3999 [::1]:6381", { type: "moved", address: "[::1]:6381", once: true }],
  ["WRONGTYPE Operation against a key holding the wrong kind of value", GIVE_UP],
  ["NOPERM this user has no permissions to run the 'xadd' command", GIVE_UP],
  ["NOAUTH Authentication required.", GIVE_UP],
  ["ERR unknown command 'XADD'", GIVE_UP],
  ["", GIVE_UP],
])("%s", (text, remedy) => {
  expect(remedyOf(text)).toEqual(remedy)
})
