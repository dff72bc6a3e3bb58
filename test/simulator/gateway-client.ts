// A plain gateway client for the simulator's tests: Bun's WebSocket and node:zlib's streams, nothing of ours, so that it
// judges the simulator independently.

import { createInflate, createZstdDecompress } from "node:zlib"

export interface Received {
  readonly op: number
  readonly d: unknown
  readonly s: number | null
  readonly t: string | null
}

export interface Ended {
  readonly code: number
  readonly reason: string
}

interface Waiter {
  readonly matches: (packet: Received) => boolean
  readonly resolve: (packet: Received) => void
  readonly reject: (error: Error) => void
}

export interface ClientOptions {
  readonly query?: string
}

export class GatewayClient {
  readonly packets: Received[] = []
  /** The payload bytes of every WebSocket message, as they came. */
  readonly frames: number[] = []
  readonly ended: Promise<Ended>
  readonly #socket: WebSocket
  #read = 0
  #waiters: Waiter[] = []
  readonly #splitter = new JsonSplitter()

  constructor(url: string, { query = "v=10&encoding=json" }: ClientOptions = {}) {
    const decode = decoderOf(query, (text) => this.#take(text))
    this.#socket = new WebSocket(`${url}/?${query}`)
    this.#socket.binaryType = "arraybuffer"
    this.#socket.onmessage = ({ data }) => {
      this.frames.push(data.length ?? data.byteLength)
      decode(data)
    }
    this.ended = new Promise((resolve) => {
      this.#socket.onclose = ({ code, reason }) => {
        for (const waiter of this.#waiters) waiter.reject(new Error(`The connection was closed with ${code} ${reason}`))
        this.#waiters = []
        resolve({ code, reason })
      }
    })
    this.#socket.onerror = () => {}
  }

  send(op: number, d: unknown): void {
    this.#socket.send(JSON.stringify({ op, d }))
  }

  sendText(text: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(text)
  }

  /** The next packet that matches, of those that were not asked for yet. */
  next(matches: (packet: Received) => boolean): Promise<Received> {
    while (this.#read < this.packets.length) {
      const packet = this.packets[this.#read]
      this.#read += 1
      if (packet !== undefined && matches(packet)) return Promise.resolve(packet)
    }
    return new Promise((resolve, reject) => this.#waiters.push({ matches, resolve, reject }))
  }

  op(op: number): Promise<Received> {
    return this.next((packet) => packet.op === op)
  }

  event(t: string): Promise<Received> {
    return this.next((packet) => packet.t === t)
  }

  /** Waits for Hello, identifies, and resolves to READY's `d`. */
  async identify(fields: object = {}): Promise<Ready> {
    await this.op(10)
    this.send(2, { ...IDENTIFY, ...fields })
    return ready(await this.event("READY"))
  }

  close(code?: number): Promise<Ended> {
    this.#socket.close(code)
    return this.ended
  }

  cut(): void {
    this.#socket.terminate()
  }

  #take(text: string): void {
    for (const json of this.#splitter.push(text)) this.#arrive(JSON.parse(json))
  }

  #arrive(packet: Received): void {
    this.packets.push(packet)
    const [waiter] = this.#waiters
    if (waiter === undefined) return
    this.#read = this.packets.length
    if (!waiter.matches(packet)) return
    this.#waiters.shift()
    waiter.resolve(packet)
  }
}

export interface Ready {
  readonly session_id: string
  readonly resume_gateway_url: string
  readonly guilds: readonly { readonly id: string; readonly unavailable: boolean }[]
}

export const IDENTIFY = {
  token: "simulated",
  intents: 53_608_447,
  properties: { os: "linux", browser: "test", device: "test" },
}

function ready({ d }: Received): Ready {
  return d as Ready
}

function decoderOf(query: string, take: (text: string) => void): (data: string | ArrayBuffer) => void {
  const compress = new URLSearchParams(query).get("compress")
  if (compress === null) return (data) => take(String(data))
  const stream = compress === "zlib-stream" ? createInflate() : createZstdDecompress()
  const utf8 = new TextDecoder("utf-8", { fatal: true })
  stream.on("data", (bytes: Buffer) => take(utf8.decode(bytes, { stream: true })))
  stream.on("error", () => {})
  return (data) => {
    if (typeof data === "string") throw new Error("A compressed connection brought a text frame.")
    stream.write(new Uint8Array(data))
  }
}

/** Cuts a stream of JSON objects, which nothing separates, into objects. */
class JsonSplitter {
  #parts: string[] = []
  #depth = 0
  #quoted = false
  #escaped = false

  /** The objects that this text completes. */
  push(text: string): string[] {
    const whole: string[] = []
    let start = 0
    for (let i = 0; i < text.length; i++) {
      if (!this.#closes(text[i] ?? "")) continue
      whole.push(this.#parts.join("") + text.slice(start, i + 1))
      this.#parts = []
      start = i + 1
    }
    this.#parts.push(text.slice(start))
    return whole
  }

  /** True when the character ends an object. */
  #closes(char: string): boolean {
    if (this.#escaped) this.#escaped = false
    else if (this.#quoted) {
      this.#escaped = char === "\\"
      this.#quoted = char !== '"'
    } else if (char === '"') this.#quoted = true
    else if (char === "{") this.#depth += 1
    else if (char === "}") {
      this.#depth -= 1
      return this.#depth === 0
    }
    return false
  }
}
