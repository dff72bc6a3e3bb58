// One write to a server and its replies: a transaction for each lane that has something to publish.
//
// Why MULTI and EXEC: in a bare pipeline a command can fail (OOM, READONLY, LOADING) and a later one succeed, because the
// trouble passed between them; sent again, the failed one would come out of order. A transaction succeeds or fails whole,
// and a lane's next one goes out only after that. Measured, it costs nothing: BENCHMARKS.md, "Redis clients".

import { ASKING, EXEC, MULTI } from "./commands.ts"
import { FENCED, PERMITS_CHANGED, refersToEarlier } from "./error-replies.ts"
import { Lane, type Part } from "./lane.ts"
import { NIL } from "./replies.ts"
import { GUARD_REPLIES } from "./write-guard.ts"

/**
 * Events of a transaction. Redis serves nobody else while it executes one, about 1.5 ms for this many; fewer would cost a
 * server that is far away more round trips, more are no faster (their replies and bytes leave the caches).
 */
export const MAX_TRANSACTION_COMMANDS = 512
/** Bytes of a transaction, unless its first part alone is larger. About what a socket takes at once. */
export const MAX_TRANSACTION_BYTES = 1024 * 1024
/** A buffer is kept for the next round up to this size. */
const LARGEST_KEPT_BYTES = 4 * 1024 * 1024
const LEAST_BYTES = 256 * 1024

interface Transaction {
  readonly lane: Lane
  readonly parts: readonly Part[]
  /** Replies before those to the commands themselves: to ASKING and MULTI. */
  readonly lead: number
  readonly replies: number
  /** Behind EXEC. Empty: nothing is guarded. */
  readonly guard: Uint8Array
  failure: Failure | null
}

export interface Failure {
  readonly lane: Lane
  /** The first error reply. */
  readonly text: string
  /** The key it is about; null where EXEC itself failed. */
  readonly key: string | null
}

/** The bytes of a round, written into the same memory each time. Free again once the round's replies are in. */
export class RoundBuffer {
  #bytes = new Uint8Array(LEAST_BYTES)

  atLeast(length: number): Uint8Array {
    if (this.#bytes.length >= length) return this.#bytes
    const bytes = new Uint8Array(2 ** Math.ceil(Math.log2(length)))
    if (bytes.length <= LARGEST_KEPT_BYTES) this.#bytes = bytes
    return bytes
  }
}

export class Round {
  readonly bytes: Uint8Array
  readonly #transactions: readonly Transaction[]
  /** Which transaction the next reply belongs to, and which of its replies it is. */
  #current = 0
  #reply = 0

  private constructor(transactions: readonly Transaction[], bytes: Uint8Array) {
    this.#transactions = transactions
    this.bytes = bytes
  }

  /** Before the first transaction of a connection that must be guarded. */
  static guardOnly(guard: Uint8Array): Round {
    const lane = new Lane()
    return new Round([{ lane, parts: [], lead: 0, replies: GUARD_REPLIES, guard, failure: null }], guard)
  }

  /** Takes what waits in the lanes; null when that is nothing. Where there is a guard there is one lane. */
  static gather(lanes: Iterable<Lane>, buffer: RoundBuffer, guard: Uint8Array = NO_GUARD): Round | null {
    const transactions: Transaction[] = []
    let length = 0
    for (const lane of lanes) {
      if (lane.isEmpty) continue
      const transaction = transactionOf(lane, guard)
      transactions.push(transaction)
      length += lengthOf(transaction)
    }
    if (transactions.length === 0) return null
    const bytes = buffer.atLeast(length)
    let at = 0
    for (const transaction of transactions) at = write(transaction, bytes, at)
    return new Round(transactions, bytes.subarray(0, at))
  }

  /** An error reply, told before its `reply`. `element`: its position in what EXEC returned, or -1. */
  error(text: string, element: number): void {
    const transaction = this.#transactions[this.#current]
    if (transaction === undefined || transaction.failure !== null) return
    if (refersToEarlier(text)) return
    const position = element >= 0 ? element : this.#reply - transaction.lead
    transaction.failure = { lane: transaction.lane, text, key: keyAt(transaction.parts, position) }
  }

  /** One reply is whole. @returns true when it was the round's last. */
  reply(integer: number | null): boolean {
    this.#reply += 1
    const transaction = this.#transactions[this.#current]
    const left = (transaction?.replies ?? 0) - this.#reply
    if (transaction !== undefined && transaction.guard !== NO_GUARD) guarded(transaction, left, integer)
    if (left > 0) return false
    this.#reply = 0
    this.#current += 1
    return this.#current >= this.#transactions.length
  }

  /** Confirms the transactions that were executed and gives the others back. @returns what went wrong with those. */
  settle(): readonly Failure[] {
    const failures: Failure[] = []
    for (const { lane, failure } of this.#transactions) {
      if (failure === null) lane.confirm()
      else {
        lane.giveBack()
        failures.push(failure)
      }
    }
    return failures
  }

  /** The connection is gone: nobody knows what was executed. */
  giveBack(): void {
    for (const { lane } of this.#transactions) lane.giveBack()
  }
}

const NO_GUARD = new Uint8Array()

/** @param left replies of the transaction that come after this one */
function guarded(transaction: Transaction, left: number, integer: number | null): void {
  const { lane } = transaction
  if (left === GUARD_REPLIES && integer === NIL) transaction.failure ??= { lane, text: PERMITS_CHANGED, key: null }
  if (left === 0 && integer === 0) transaction.failure = { lane, text: FENCED, key: null }
}

function transactionOf(lane: Lane, guard: Uint8Array): Transaction {
  const parts = lane.take(MAX_TRANSACTION_COMMANDS, MAX_TRANSACTION_BYTES)
  const commands = parts.reduce((sum, part) => sum + part.commands, 0)
  const asking = lane.asking ? 1 : 0
  // A single command is a transaction by itself.
  const isBare = commands === 1 && guard === NO_GUARD
  const lead = asking + (isBare ? 0 : 1)
  const behind = (isBare ? 0 : 1) + (guard === NO_GUARD ? 0 : GUARD_REPLIES)
  return { lane, parts, lead, replies: lead + commands + behind, guard, failure: null }
}

function lengthOf({ parts, guard }: Transaction): number {
  return parts.reduce((sum, part) => sum + part.bytes, ASKING.length + MULTI.length + EXEC.length + guard.length)
}

function write({ lane, parts, lead, guard }: Transaction, target: Uint8Array, start: number): number {
  let at = start
  const put = (bytes: Uint8Array) => {
    target.set(bytes, at)
    at += bytes.length
  }
  const isMulti = lead > (lane.asking ? 1 : 0)
  if (lane.asking) put(ASKING)
  if (isMulti) put(MULTI)
  for (const part of parts) {
    part.copyTo(target, at)
    at += part.bytes
  }
  if (isMulti) put(EXEC)
  put(guard)
  return at
}

function keyAt(parts: readonly Part[], position: number): string | null {
  let before = 0
  for (const part of parts) {
    if (position >= before && position < before + part.commands) return part.key(position - before)
    before += part.commands
  }
  return null
}
