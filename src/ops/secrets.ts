// Takes secrets out of text that is about to leave the process.

const MASK = "***"

/**
 * A function that replaces every occurrence of the secrets in a text, also where JSON or a URL has escaped them.
 * Empty secrets are ignored. Longer ones go first, so that one that contains another is replaced whole.
 */
export function secretCleaner(secrets: readonly string[]): (text: string) => string {
  const forms = new Set(secrets.flatMap(formsOf).filter((form) => form !== ""))
  const longestFirst = [...forms].sort((a, b) => b.length - a.length)
  return (text) => {
    let cleaned = text
    for (const form of longestFirst) if (cleaned.includes(form)) cleaned = cleaned.replaceAll(form, MASK)
    return cleaned
  }
}

/** The ways a secret is written: plain, within a JSON string, within a JSON string twice over, within a URL. */
function formsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1)
  const jsonTwice = JSON.stringify(json).slice(1, -1)
  return [secret, json, jsonTwice, encodeURIComponent(secret)]
}
