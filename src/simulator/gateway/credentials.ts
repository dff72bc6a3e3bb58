// Which token is the bot's.

export class Credentials {
  readonly #token: string | undefined
  #reset = false

  /** Without a token any is accepted. */
  constructor(token: string | undefined) {
    this.#token = token
  }

  /** With or without the prefix `Bot `. */
  accepts(token: string): boolean {
    const bare = token.replace(/^Bot /, "")
    if (this.#reset || bare === "") return false
    return this.#token === undefined || bare === this.#token
  }

  /** Makes the token invalid, as Discord does after too many identifies. */
  reset(): void {
    this.#reset = true
  }

  /** Makes it valid again. */
  restore(): void {
    this.#reset = false
  }
}
