// One HTTP/1.1 connection: requests in, one after the other, and their replies out in the same order.

import { type BodyReader, bodyReader } from "./body.ts"
import { headText, type Reply, TEXT_HEADERS } from "./reply.ts"
import { NO_HEADERS, type RequestHead, readHead } from "./request.ts"

/** The socket, as far as a connection needs it. */
export interface HttpLink {
  /** Takes what it can; the number of bytes taken. */
  write(data: string | Buffer): number
  end(): void
  terminate(): void
  pause(): void
  resume(): void
}

export interface HttpService {
  /** Before the body is read: `cut` ends the connection there and then. */
  begin(request: RequestHead): "read" | "cut"
  /** Calls `reply` once, now or later. */
  answer(request: RequestHead, body: Buffer, reply: (reply: Reply) => void): void
}

const EMPTY = Buffer.alloc(0)
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"
/** What a client may send ahead while its request is being answered. */
const MAX_AHEAD_BYTES = 1024 * 1024

/** The parts of a body that are still to be sent. */
interface Outflow {
  next(): Buffer | undefined
  readonly done: () => void
}

type State =
  | { readonly type: "head" }
  | { readonly type: "body"; readonly request: RequestHead; readonly reader: BodyReader }
  /** The service is thinking, or the reply is on its way. */
  | { readonly type: "answering" }
  | { readonly type: "ended" }

export class HttpConnection {
  readonly #link: HttpLink
  readonly #service: HttpService
  readonly #ip: string
  #state: State = { type: "head" }
  /** Arrived, not looked at yet. */
  #waiting: Buffer = EMPTY
  #block = NO_HEADERS
  #unsent: Buffer = EMPTY
  #outflow: Outflow | undefined
  #paused = false

  constructor(link: HttpLink, service: HttpService, ip: string) {
    this.#link = link
    this.#service = service
    this.#ip = ip
  }

  receive(bytes: Buffer): void {
    if (this.#state.type === "ended") return
    if (this.#state.type === "answering") return this.#keep(bytes)
    this.#read(this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]))
  }

  /** The socket takes more. */
  drain(): void {
    if (this.#unsent.length > 0) {
      const taken = this.#link.write(this.#unsent)
      this.#unsent = this.#unsent.subarray(taken)
      if (this.#unsent.length > 0) return
    }
    this.#pump()
  }

  /** The socket is gone. */
  lost(): void {
    this.#state = { type: "ended" }
    this.#outflow = undefined
  }

  /** Reads as many requests as are there and can be answered at once. */
  #read(bytes: Buffer): void {
    let left = bytes
    this.#waiting = EMPTY
    while (left.length > 0 || this.#state.type === "body") {
      if (this.#state.type === "head") {
        const head = readHead(left, this.#ip, this.#block)
        if (head.type === "partial") break
        if (head.type === "bad") return this.#refuse(head.status, head.reason)
        left = left.length === head.end ? EMPTY : left.subarray(head.end)
        this.#block = head.block
        if (!this.#begin(head.request)) return
      }
      if (this.#state.type !== "body") break
      const { request, reader } = this.#state
      const arrival = reader.push(left)
      if (arrival.type === "bad") return this.#refuse(arrival.status, arrival.reason)
      if (arrival.type === "partial") {
        left = EMPTY
        break
      }
      left = arrival.rest
      this.#state = { type: "answering" }
      this.#service.answer(request, arrival.body, (reply) => this.#reply(request, reply))
      if (!this.#isIdle()) break
    }
    this.#waiting = left.length === 0 ? EMPTY : Buffer.from(left)
  }

  #isIdle(): boolean {
    return this.#state.type === "head"
  }

  #begin(request: RequestHead): boolean {
    if (this.#service.begin(request) === "cut") {
      this.#cut()
      return false
    }
    this.#state = { type: "body", request, reader: bodyReader(request.body) }
    if (request.headers.get("expect")?.toLowerCase() === "100-continue") this.#send(CONTINUE)
    return true
  }

  #keep(bytes: Buffer): void {
    this.#waiting = Buffer.concat([this.#waiting, bytes])
    if (this.#waiting.length <= MAX_AHEAD_BYTES || this.#paused) return
    this.#paused = true
    this.#link.pause()
  }

  #reply(request: RequestHead, reply: Reply): void {
    if (this.#state.type !== "answering") return
    switch (reply.type) {
      case "whole":
        this.#sendWhole(request, reply)
        return this.#finished(request.keepAlive)
      case "stream": {
        this.#send(headText(reply.status, reply.headers, reply.bytes, request.keepAlive))
        let offset = 0
        const next = () => {
          const part = offset < reply.bytes && request.method !== "HEAD" ? reply.part(offset) : undefined
          offset += part?.length ?? 0
          return part
        }
        this.#outflow = { next, done: () => this.#finished(request.keepAlive) }
        return this.#pump()
      }
      case "half": {
        const body = Buffer.from(reply.body)
        this.#send(headText(reply.status, reply.headers, body.length, request.keepAlive))
        this.#send(body.subarray(0, body.length >> 1))
        this.#state = { type: "ended" }
        return this.#link.end()
      }
      case "cut":
        return this.#cut()
      case "silence":
        return
    }
  }

  #sendWhole({ method, keepAlive }: RequestHead, { status, headers, body }: Extract<Reply, { type: "whole" }>): void {
    const bytes = body === null ? null : typeof body === "string" ? Buffer.byteLength(body) : body.length
    const head = headText(status, headers, bytes, keepAlive)
    if (body === null || method === "HEAD") this.#send(head)
    else if (typeof body === "string") this.#send(head + body)
    else {
      this.#send(head)
      this.#send(body)
    }
  }

  #finished(keepAlive: boolean): void {
    if (this.#state.type !== "answering") return
    if (!keepAlive) {
      this.#state = { type: "ended" }
      if (this.#unsent.length === 0) this.#link.end()
      else this.#outflow = { next: () => undefined, done: () => this.#link.end() }
      return
    }
    this.#state = { type: "head" }
    if (this.#waiting.length === 0) return
    // Not at once: `#read` may be what called, and goes on by itself.
    queueMicrotask(() => this.#goOn())
  }

  #goOn(): void {
    if (this.#paused) this.#link.resume()
    this.#paused = false
    if (this.#isIdle() && this.#waiting.length > 0) this.#read(this.#waiting)
  }

  #pump(): void {
    while (this.#outflow !== undefined && this.#unsent.length === 0) {
      const part = this.#outflow.next()
      if (part !== undefined) this.#send(part)
      else {
        const { done } = this.#outflow
        this.#outflow = undefined
        done()
      }
    }
  }

  #refuse(status: number, reason: string): void {
    this.#send(headText(status, TEXT_HEADERS, reason.length, false) + reason)
    this.#state = { type: "ended" }
    this.#link.end()
  }

  #cut(): void {
    this.#state = { type: "ended" }
    this.#link.terminate()
  }

  #send(data: string | Buffer): void {
    if (this.#unsent.length > 0) {
      this.#unsent = Buffer.concat([this.#unsent, Buffer.from(data)])
      return
    }
    const taken = this.#link.write(data)
    const bytes = typeof data === "string" ? Buffer.byteLength(data) : data.length
    if (taken < bytes) this.#unsent = Buffer.from(data).subarray(Math.max(0, taken))
  }
}
