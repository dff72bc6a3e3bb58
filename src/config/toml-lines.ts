// Which line of a TOML file holds which key: the parser tells lines only for syntax errors. Reads text that the parser has
// already accepted, so it need not judge anything: it only has to step over strings, arrays, tables and comments.

/** Keys of tables and positions in arrays, from the root. */
export type TomlPath = readonly (string | number)[]

const BARE_KEY = /[A-Za-z0-9_-]+/y
const BLANK = /(?:[ \t\r\n]+|#[^\n]*)+/y
const BARE_VALUE = /[^,\]}#\n]+/y

/** Lines, counted from 1, of every key, table and array element; keyed by the path as JSON. */
export function tomlLines(text: string): ReadonlyMap<string, number> {
  const scanner = new Scanner(text)
  scanner.document()
  return scanner.lines
}

class Scanner {
  readonly lines = new Map<string, number>()
  readonly #text: string
  /** How many elements an array of tables has so far. */
  readonly #tableCounts = new Map<string, number>()
  #at = 0
  #line = 1
  #lineCountedTo = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): void {
    let table: TomlPath = []
    for (this.#blank(); this.#at < this.#text.length; this.#blank()) {
      if (this.#text[this.#at] === "[") table = this.#header()
      else this.#pair(table)
    }
  }

  /** `[a.b]` or `[[a.b]]`: the path that the keys after it belong to. */
  #header(): TomlPath {
    const isArray = this.#text.startsWith("[[", this.#at)
    this.#at += isArray ? 2 : 1
    const path: (string | number)[] = []
    const keys = this.#key()
    for (const [position, key] of keys.entries()) {
      path.push(key)
      const id = JSON.stringify(path)
      if (isArray && position === keys.length - 1) {
        this.#tableCounts.set(id, (this.#tableCounts.get(id) ?? 0) + 1)
      }
      const count = this.#tableCounts.get(id)
      this.#mark(path)
      if (count !== undefined) path.push(count - 1)
    }
    this.#mark(path)
    this.#at += isArray ? 2 : 1
    return path
  }

  #pair(table: TomlPath): void {
    const path = [...table]
    for (const key of this.#key()) {
      path.push(key)
      this.#mark(path)
    }
    this.#at += 1
    this.#blank()
    this.#value(path)
  }

  /** A dotted key; afterwards the scanner stands on what follows it. */
  #key(): string[] {
    const keys: string[] = []
    do {
      if (keys.length > 0) this.#at += 1
      this.#blank()
      keys.push(this.#keyPart())
      this.#blank()
    } while (this.#text[this.#at] === ".")
    return keys
  }

  #keyPart(): string {
    const start = this.#at
    const quote = this.#text[start]
    if (quote !== '"' && quote !== "'") {
      if (!this.#skip(BARE_KEY)) this.#at += 1
      return this.#text.slice(start, this.#at)
    }
    this.#string(quote)
    const quoted = this.#text.slice(start, this.#at)
    return quote === '"' ? unescaped(quoted) : quoted.slice(1, -1)
  }

  #value(path: TomlPath): void {
    const first = this.#text[this.#at]
    if (first === '"' || first === "'") this.#string(first)
    else if (first === "[")
      this.#members("]", (position) => {
        this.#mark([...path, position])
        this.#value([...path, position])
      })
    else if (first === "{") this.#members("}", () => this.#pair(path))
    else if (!this.#skip(BARE_VALUE)) this.#at += 1
  }

  /** The members of an array or an inline table, up to and past its closing bracket. */
  #members(closing: string, member: (position: number) => void): void {
    this.#at += 1
    this.#blank()
    for (let position = 0; this.#at < this.#text.length && this.#text[this.#at] !== closing; position += 1) {
      member(position)
      this.#blank()
      if (this.#text[this.#at] === ",") this.#at += 1
      this.#blank()
    }
    this.#at += 1
  }

  #string(quote: string): void {
    const triple = quote.repeat(3)
    const closing = this.#text.startsWith(triple, this.#at) ? triple : quote
    this.#at += closing.length
    while (this.#at < this.#text.length && !this.#text.startsWith(closing, this.#at)) {
      this.#at += quote === '"' && this.#text[this.#at] === "\\" ? 2 : 1
    }
    this.#at += closing.length
    // A multi-line string may end in up to two quotes of its own.
    while (closing === triple && this.#text[this.#at] === quote) this.#at += 1
  }

  #blank(): void {
    this.#skip(BLANK)
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0].length ?? 0
    this.#at += found
    return found > 0
  }

  /** The first line that names a path stays. */
  #mark(path: TomlPath): void {
    for (; this.#lineCountedTo < this.#at; this.#lineCountedTo += 1) {
      if (this.#text[this.#lineCountedTo] === "\n") this.#line += 1
    }
    const id = JSON.stringify(path)
    if (!this.lines.has(id)) this.lines.set(id, this.#line)
  }
}

/** A basic string's text. TOML's escapes are JSON's and `\U…`, which no key of ours needs. */
function unescaped(quoted: string): string {
  try {
    return String(JSON.parse(quoted))
  } catch {
    return quoted.slice(1, -1)
  }
}
