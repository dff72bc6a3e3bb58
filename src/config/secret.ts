// A text that must not be seen: the token, a URL with a password. However it is printed, only its stand-in shows;
// `reveal` is the one way to the text, so that a search for it finds every place where a secret leaves the process.

import { hideUrlPassword } from "./url-password.ts"

const HIDDEN = "***"
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
