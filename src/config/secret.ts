// A text that must not be seen: the token, a URL with a password. However it is printed, only its stand-in shows;
// `reveal` is the one way to the text, so that a search for it finds every place where a secret leaves the process.

import { hideUrlPassword } from "./url-password.ts"

const HIDDEN = "***"
/** A bot token's three parts in base64url: the bot's id, a time, a signature. */
const TOKEN = /[\w-]{20,}\.[\w-]{6,}\.[\w-]{25,}/g
const INSPECT = Symbol.for("nodejs.util.inspect.custom")

export class Secret {
  readonly #text: string
  readonly #shown: string

  constructor(text: string, shown: string = HIDDEN) {
    this.#text = text
    this.#shown = shown
  }

  /** A URL that is printed without its password. */
  static url(text: string): Secret {
    return new Secret(text, hideUrlPassword(text))
  }

  /** The text itself: for the wire, never for a log or an error. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return this.#shown
  }

  toJSON(): string {
    return this.#shown
  }

  [Symbol.toPrimitive](): string {
    return this.#shown
  }

  [INSPECT](): string {
    return this.#shown
  }
}

/** The text with `***` for whatever has the shape of a bot token: people paste it into the wrong setting. */
export function hideTokens(text: string): string {
  return text.replace(TOKEN, HIDDEN)
}
