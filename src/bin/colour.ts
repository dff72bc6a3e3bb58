// Whether to colour: on a terminal, unless NO_COLOR says no or FORCE_COLOR says otherwise.
// Source: https://no-color.org, https://force-color.org

/** @param stream where the text goes */
export function wantsColour(stream: { readonly isTTY?: boolean }, env = process.env): boolean {
  const forced = env["FORCE_COLOR"]
  if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false"
  if (env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "") return false
  return stream.isTTY === true && env["TERM"] !== "dumb"
}

export type Style = "bold" | "dim" | "red" | "green" | "yellow"

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
}

/** Puts a text in a style, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string

export function painter(colour: boolean): Paint {
  return (style, text) => {
    const [on, off] = CODES[style]
    return colour ? `\x1b[${on}m${text}\x1b[${off}m` : text
  }
}
