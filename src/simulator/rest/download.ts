// A large answer, made while it is sent: so many bytes of which every place is different, so that a test can tell whether
// they arrived whole and in order.

import type { Reply } from "../http/reply.ts"

const PART_BYTES = 64 * 1024
const LINE_BYTES = 16

/** The bytes of the download from `offset` on: lines of 15 digits, each its own number. */
export function downloadPart(offset: number, bytes: number): Buffer {
  const first = Math.floor(offset / LINE_BYTES)
  const last = Math.floor((offset + bytes - 1) / LINE_BYTES)
  let text = ""
  for (let line = first; line <= last; line++) text += `${String(line).padStart(LINE_BYTES - 1, "0")}\n`
  const skipped = offset - first * LINE_BYTES
  return Buffer.from(text, "latin1").subarray(skipped, skipped + bytes)
}

export function download(bytes: number, headers: string): Reply {
  return {
    type: "stream",
    status: 200,
    headers: `Content-Type: application/octet-stream\r\n${headers}`,
    bytes,
    part: (offset) => downloadPart(offset, Math.min(PART_BYTES, bytes - offset)),
  }
}
