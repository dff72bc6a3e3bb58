// Finds where one session's events of a guild continue another's. Discord sends both the same events of a guild in the same
// order, and each is late by its own delay. What the one published last, and what the other has held back, are two windows
// over one sequence: laid over one another where they agree, they say which events were published and which were not.

/** What stands for an event: equal for both sessions. The event's name and content, hashed. */
export type Digest = string

/**
 * `found`: so many of the first that are held back have been published; so many agree. `behind`: some that were published have not come here
 * yet. `nowhere`: the windows do not agree anywhere.
 */
export type Alignment =
  | { readonly type: "found"; readonly published: number; readonly overlap: number }
  | { readonly type: "behind" }
  | { readonly type: "nowhere" }

/**
 * @param tail what was published last, in order, at least one; its end is the point at which the other session takes over
 * @param held what that session has held back, in order
 */
export function align(tail: readonly Digest[], held: readonly Digest[]): Alignment {
  if (held.length === 0) return { type: "behind" }
  let best: { readonly shift: number; readonly overlap: number } | null = null
  // `held[i]` is `tail[i + shift]`. Of equally good ones the latest, which takes the fewest for published: none is left out.
  for (let shift = tail.length - 1; shift > -held.length; shift -= 1) {
    const overlap = overlapAt(tail, held, shift)
    if (overlap > (best?.overlap ?? 0)) best = { shift, overlap }
  }
  if (best === null) return { type: "nowhere" }
  const published = tail.length - best.shift
  return published <= held.length ? { type: "found", published, overlap: best.overlap } : { type: "behind" }
}

/** How many agree; 0 when one does not. */
function overlapAt(tail: readonly Digest[], held: readonly Digest[], shift: number): number {
  const from = Math.max(0, -shift)
  const to = Math.min(held.length, tail.length - shift)
  for (let i = from; i < to; i += 1) if (held[i] !== tail[i + shift]) return 0
  return Math.max(0, to - from)
}
