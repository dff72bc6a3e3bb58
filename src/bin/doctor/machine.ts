// Checks of the machine: the codec's addon, and how many files may be open.

import { readFileSync } from "node:fs"
import type { Codec } from "../../codec/codec.ts"
import { doubtful, type Finding, good } from "./finding.ts"

/** A gateway of some hundred shards and a proxy under load stay below. */
const ENOUGH_FILES = 4_096

/** @param isChosen whether the configuration asks for the portable one */
export function codecFinding({ name, description }: Codec, isChosen: boolean): Finding {
  if (name === "native") return good("codec", description)
  if (isChosen)
    return doubtful(
      "codec",
      "portable, by codec in the configuration",
      "It takes several times the CPU; set codec to auto.",
    )
  const says = description.endsWith(".)") ? description : `${description}.`
  return doubtful("codec", says, "Events take several times the CPU until the native codec loads.")
}

/** How many files this process may have open; undefined where the system does not say. */
export function openFilesLimit(read = () => readFileSync("/proc/self/limits", "utf8")): number | undefined {
  try {
    const [, soft = ""] = /^Max open files +(\d+|unlimited)/m.exec(read()) ?? []
    return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft === "" ? Number.NaN : soft)
  } catch {
    return undefined
  }
}

export function openFilesFinding(limit = openFilesLimit()): Finding {
  if (limit === undefined || Number.isNaN(limit)) {
    return good("open files", `this system does not say how many; ${ENOUGH_FILES} are enough`)
  }
  const says = limit === Number.POSITIVE_INFINITY ? "unlimited" : `up to ${limit.toLocaleString("en-US")}`
  if (limit >= ENOUGH_FILES) return good("open files", says)
  const advice = `Each shard, request and broker's connection is a file: ulimit -n ${ENOUGH_FILES}, or LimitNOFILE= in systemd.`
  return doubtful("open files", says, advice)
}
