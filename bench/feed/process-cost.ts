// What another process has cost so far. Linux only: elsewhere it is not a number, and not printed.

import { readFileSync } from "node:fs"

/** The kernel counts in these, whatever its own tick is. */
const TICK_US = 10_000
/** utime and stime, counted from the field after the command's name, which may hold anything. */
const [USER, SYSTEM] = [11, 12]

/** CPU time of a process and its threads, in steps of 10 ms. */
export function cpuUsOf(pid: number): number {
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ")
  return (Number(fields[USER] ?? Number.NaN) + Number(fields[SYSTEM] ?? Number.NaN)) * TICK_US
}

export function residentBytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? Number.NaN) * 1_024
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}
