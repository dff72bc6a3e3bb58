// Finds where one session's events of a guild continue another's. Discord sends both the same events of a guild in the same
// order, and each is late by its own delay. What the one published last, and what the other has held back, are two windows
// over one sequence: laid over one another where they agree, they say which events were published and which were not.

/** What stands for an event: equal for both sessions. The event's name and content, hashed. */
export type Digest = string

/** Events of a guild in a window, at most: longer ones are cut at their old end. */
export const MAX_WINDOW_EVENTS = 512

export interface Alignment {
  /** So many of the first that were held back have been published. */
  readonly published: number
  /** Published already, and still to come here. */
  readonly awaited: readonly Digest[]
  /** False: the windows do not agree anywhere. Some events may come twice, none is left out. */
  readonly isExact: boolean
}

/**
 * @param tail what was published last, in order; its end is the point at which the other session takes over
 * @param held what that session has held back, in order
 */
export function align(tail: readonly Digest[], held: readonly Digest[]): Alignment {
  if (tail.length === 0) return { published: 0, awaited: [], isExact: true }
  if (held.length === 0) return { published: 0, awaited: tail, isExact: true }
  let best: { readonly shift: number; readonly overlap: number } | null = null
  // `held[i]` is `tail[i + shift]`. Of equally good ones the latest: it awaits the fewest, so that none can be left out.
  for (let shift = tail.length - 1; shift > -held.length; shift -= 1) {
    const overlap = overlapAt(tail, held, shift)
    if (overlap > (best?.overlap ?? 0)) best = { shift, overlap }
  }
  if (best === null) return unaligned(tail, held)
  const end = tail.length - best.shift
  return end <= held.length
    ? { published: end, awaited: [], isExact: true }
    : { published: held.length, awaited: tail.slice(held.length + best.shift), isExact: true }
}

/** How many agree; 0 when one does not. */
function overlapAt(tail: readonly Digest[], held: readonly Digest[], shift: number): number {
  const from = Math.max(0, -shift)
  const to = Math.min(held.length, tail.length - shift)
  for (let i = from; i < to; i += 1) if (held[i] !== tail[i + shift]) return 0
  return Math.max(0, to - from)
}

/** Without a place where they agree: what is held back up to the last event that was published for sure. */
function unaligned(tail: readonly Digest[], held: readonly Digest[]): Alignment {
  const last = tail.at(-1)
  const at = last === undefined ? -1 : held.lastIndexOf(last)
  return { published: at + 1 === held.length ? held.length : 0, awaited: [], isExact: false }
}
