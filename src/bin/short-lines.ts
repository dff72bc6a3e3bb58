// Events cut to the width of a terminal, for the demo's readers. What goes to a file or a pipe stays whole.

import type { Sink } from "../brokers/stdio/sink.ts"

/** A sink that writes each line's first `columns()` characters. */
export function shortLines(sink: Sink, columns: () => number): Sink {
  const decoder = new TextDecoder()
  const encoder = new TextEncoder()
  return {
    write(bytes) {
      const width = Math.max(1, columns() - 1)
      const lines = decoder.decode(bytes).split("\n")
      const short = lines.map((line) => (line.length > width ? `${line.slice(0, width - 1)}…` : line))
      return sink.write(encoder.encode(short.join("\n")))
    },
  }
}
