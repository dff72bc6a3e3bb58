// What is sent back, well or badly, and its head as text.

export type Reply =
  /** `headers`: finished lines, each with its end; Content-Length is added. `body` null: none, as with 204. */
  | { readonly type: "whole"; readonly status: number; readonly headers: string; readonly body: string | Buffer | null }
  /** A body that is made while it is sent, at the speed of the client. */
  | {
      readonly type: "stream"
      readonly status: number
      readonly headers: string
      readonly bytes: number
      /** At most `bytes` of the body from `offset` on. */
      readonly part: (offset: number) => Buffer
    }
  /** The head and half of the body, then the connection is cut. */
  | { readonly type: "half"; readonly status: number; readonly headers: string; readonly body: string | Buffer }
  /** The connection is cut. */
  | { readonly type: "cut" }
  /** Nothing, ever; the connection stays open. */
  | { readonly type: "silence" }

export const JSON_HEADERS = "Content-Type: application/json\r\n"
export const TEXT_HEADERS = "Content-Type: text/plain; charset=utf-8\r\n"

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Payload Too Large",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
}

const statusLines = new Map<number, string>()

/** `bodyBytes` null: a response that has no body and so no length. */
export function headText(status: number, headers: string, bodyBytes: number | null, keepAlive: boolean): string {
  const length = bodyBytes === null ? "" : `Content-Length: ${bodyBytes}\r\n`
  return `${statusLine(status)}${headers}${length}${keepAlive ? "" : "Connection: close\r\n"}\r\n`
}

function statusLine(status: number): string {
  const known = statusLines.get(status)
  if (known !== undefined) return known
  const line = `HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}\r\n`
  statusLines.set(status, line)
  return line
}

export function jsonReply(status: number, body: unknown): Reply {
  return { type: "whole", status, headers: JSON_HEADERS, body: JSON.stringify(body) }
}

export function textReply(status: number, body: string): Reply {
  return { type: "whole", status, headers: TEXT_HEADERS, body }
}
