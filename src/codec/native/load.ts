// Loads the native addon and makes a codec of it.

import type { Codec } from "../codec.ts"
import type { Addon } from "./addon.ts"
import { NativeDecoder } from "./decoder.ts"

/**
 * The codec in native code.
 * @throws Error when the addon was not built, or does not load on this machine.
 */
export function loadNative(): Codec {
  const addon = loadAddon()
  return {
    name: "native",
    description: `native ${addon.version()} (${addon.kernel()})`,
    decoder: (options) => new NativeDecoder(addon, options),
    encoder: (compression) => new addon.NativeEncoder(compression),
  }
}

/**
 * The addon itself; only benchmarks need more of it than a codec.
 * @throws Error when it was not built, or does not load on this machine.
 */
export function loadAddon(): Addon {
  try {
    // A literal path in a plain `require`, so that `bun build --compile` finds and embeds the addon.
    return checked(require("../../../native/spectacles.node"))
  } catch (error) {
    const reason = reasonOf(error)
    throw new Error(`Cannot load the native codec: ${reason}. ${adviceOn(reason)}`, { cause: error })
  }
}

/** Inside a compiled executable, and where Bun unpacks what is inside. */
const EMBEDDED = /\$bunfs|~BUN|\.bun-/
/** What scripts/build.ts puts in the addon's place. */
const LEFT_OUT = "this executable was built without it"

function adviceOn(reason: string): string {
  if (reason === LEFT_OUT) return "Use one that was built with it for this machine."
  if (!EMBEDDED.test(reason)) return "Run `bun run build:native`, which needs Rust's cargo."
  return "Bun unpacks it: let TMPDIR name a folder that can be written to and whose files may be executed."
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ("code" in error && error.code === "MODULE_NOT_FOUND") return "its addon is not built"
  return (error.message.split("\n")[0] ?? "").replace(/\.$/, "")
}

function checked(loaded: unknown): Addon {
  const complete =
    typeof loaded === "object" &&
    loaded !== null &&
    "version" in loaded &&
    "kernel" in loaded &&
    "NativeDecoder" in loaded &&
    "NativeEncoder" in loaded
  if (!complete) throw new Error("native/spectacles.node is of another version")
  return loaded as Addon
}
