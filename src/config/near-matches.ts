// "Did you mean …?": the known names that a mistyped one most likely stands for.

const MAX_MATCHES = 3
/** Shorter texts are part of too many names to say anything. */
const MIN_PART_LENGTH = 4
/** Longer texts are no typing mistake of any name; also bounds the work. */
const MAX_NAME_LENGTH = 64

/** At most three of `names`, the nearest first: few letters away from `text`, or holding it as a part. */
export function nearMatches(text: string, names: Iterable<string>): string[] {
  const sought = text.trim().toUpperCase()
  if (sought.length === 0 || sought.length > MAX_NAME_LENGTH) return []
  const matches: { readonly name: string; readonly distance: number }[] = []
  for (const name of names) {
    const candidate = name.toUpperCase()
    const distance = editDistance(sought, candidate)
    const isNear = distance <= Math.max(1, Math.floor(Math.max(sought.length, candidate.length) / 4))
    const isPart = sought.length >= MIN_PART_LENGTH && candidate.includes(sought)
    if (isNear || isPart) matches.push({ name, distance })
  }
  matches.sort((a, b) => a.distance - b.distance)
  return matches.slice(0, MAX_MATCHES).map(({ name }) => name)
}

/** ` Did you mean A, B or C?`, or nothing when no name is near. */
export function didYouMean(text: string, names: Iterable<string>): string {
  const matches = nearMatches(text, names)
  if (matches.length === 0) return ""
  const last = matches.at(-1)
  const others = matches.slice(0, -1)
  return ` Did you mean ${others.length === 0 ? last : `${others.join(", ")} or ${last}`}?`
}

/** Letters put in, taken out or exchanged, and neighbours that changed places: the distance of optimal string alignment. */
export function editDistance(a: string, b: string): number {
  let before: readonly number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const exchanged = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : exchanged
      next.push(Math.min(exchanged, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}
