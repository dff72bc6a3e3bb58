// What a check of `spectacles doctor` found, and how it is shown.

import type { Paint, Style } from "../colour.ts"

export type Verdict = "ok" | "warn" | "FAIL"

export interface Finding {
  readonly subject: string
  readonly verdict: Verdict
  readonly says: string
  /** What to do; every warning and failure has it. */
  readonly advice?: string
}

const STYLES: Readonly<Record<Verdict, Style>> = { ok: "green", warn: "yellow", FAIL: "red" }
const VERDICT_WIDTH = 6
const SUBJECT_WIDTH = 15

export function good(subject: string, says: string): Finding {
  return { subject, verdict: "ok", says }
}

export function doubtful(subject: string, says: string, advice: string): Finding {
  return { subject, verdict: "warn", says, advice }
}

export function bad(subject: string, says: string, advice: string): Finding {
  return { subject, verdict: "FAIL", says, advice }
}

/** One line, and a second with what to do. */
export function formatFinding({ subject, verdict, says, advice }: Finding, paint: Paint): string {
  const indent = " ".repeat(VERDICT_WIDTH + SUBJECT_WIDTH)
  const first = `${paint(STYLES[verdict], verdict.padEnd(VERDICT_WIDTH))}${subject.padEnd(SUBJECT_WIDTH)}${says}`
  return advice === undefined ? `${first}\n` : `${first}\n${indent}${paint("bold", "→")} ${advice}\n`
}
