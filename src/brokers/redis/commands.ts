// Commands in RESP, for the few that are not written by the decoder.

export function command(...words: readonly (string | Uint8Array)[]): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from(`*${words.length}\r\n`)]
  for (const word of words) {
    const bytes = typeof word === "string" ? Buffer.from(word) : word
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, LINE_END)
  }
  return Buffer.concat(parts)
}

const LINE_END = Buffer.from("\r\n")

export const MULTI = command("MULTI")
export const EXEC = command("EXEC")
export const ASKING = command("ASKING")

export interface Trimming {
  /** Entries older than this go. Wins over `maxLength`, since XADD takes one of them. */
  readonly retentionMs?: number
  /** About as many entries stay. */
  readonly maxLength?: number
}

/** The words between a stream's name and its entry's id. */
export function trimWords({ retentionMs, maxLength }: Trimming, wallMs: number): readonly string[] {
  if (retentionMs !== undefined) return ["MINID", "~", String(Math.max(0, Math.floor(wallMs - retentionMs)))]
  return maxLength === undefined ? [] : ["MAXLEN", "~", String(maxLength)]
}

/** `XADD stream … * data body`. */
export function addCommand(stream: string, body: Uint8Array, trimming: Trimming, wallMs: number): Uint8Array {
  return command("XADD", stream, ...trimWords(trimming, wallMs), "*", "data", body)
}
