// Fuzzes the native codec: `bun run fuzz [seconds]`, that long for each target. Crashes are kept in native/fuzz/artifacts.

import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Encoder } from "../src/codec/encoder.ts"
import { loadCodec } from "../src/codec/load.ts"
import type { Compression } from "../src/discord/gateway-url.ts"
import { corpus } from "../src/simulator/corpus/corpus.ts"

const NATIVE = join(import.meta.dir, "..", "native")
const DEFAULT_SECONDS = 60
const TARGETS = ["transcode", "frames", "none", "zlib", "zstd"] as const
type Target = (typeof TARGETS)[number]
const SEEDS = 40
const MAX_SEED_BYTES = 4096
const ENVIRONMENT = { ...process.env, PATH: `${process.env["PATH"]}:${process.env["HOME"]}/.cargo/bin` }

const seconds = Number(process.argv[2] ?? DEFAULT_SECONDS)
const problem =
  Number.isInteger(seconds) && seconds > 0 ? await missing() : `Cannot fuzz for ${process.argv[2]}: give whole seconds.`
if (problem === undefined) process.exitCode = await fuzzAll()
else {
  console.error(problem)
  process.exitCode = 1
}

/** What fuzzing needs and this machine does not have, as a sentence. */
async function missing(): Promise<string | undefined> {
  if (!(await succeeds(["cargo", "--version"])))
    return "Cannot fuzz: cargo was not found. Install Rust (https://rustup.rs)."
  if (!(await succeeds(["cargo", "+nightly", "--version"]))) {
    return "Cannot fuzz: there is no nightly Rust, which sanitizers need. Run `rustup toolchain install nightly`."
  }
  if (!(await succeeds(["cargo", "+nightly", "fuzz", "--version"]))) {
    return "Cannot fuzz: cargo-fuzz was not found. Run `cargo install cargo-fuzz`."
  }
  return undefined
}

async function succeeds(command: readonly string[]): Promise<boolean> {
  try {
    const child = Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "ignore", env: ENVIRONMENT })
    return (await child.exited) === 0
  } catch {
    return false
  }
}

async function fuzzAll(): Promise<number> {
  for (const target of TARGETS) {
    writeSeeds(target)
    console.log(`Fuzzing ${target} for ${seconds} s.`)
    const options = [
      `-max_total_time=${seconds}`,
      "-dict=fuzz/json.dict",
      "-max_len=16384",
      "-verbosity=0",
      "-print_final_stats=1",
    ]
    const child = Bun.spawn(["cargo", "+nightly", "fuzz", "run", target, "--", ...options], {
      cwd: NATIVE,
      stdin: "ignore",
      env: ENVIRONMENT,
    })
    if ((await child.exited) !== 0) {
      console.error(`Fuzzing ${target} failed: the input is in native/fuzz/artifacts/${target}.`)
      return 1
    }
  }
  return 0
}

/** Realistic payloads to start from, in the form that the target takes. */
function writeSeeds(target: Target): void {
  const folder = join(NATIVE, "fuzz", "corpus", target)
  mkdirSync(folder, { recursive: true })
  const encoder = encoderFor(target)
  let sequence = 0
  for (const { d } of corpus({ seed: 3, count: SEEDS })) {
    const payload = { t: "A", s: ++sequence, op: 0, d }
    const json = new TextEncoder().encode(JSON.stringify(target === "transcode" ? d : payload))
    const seed = encoder.encode(target === "frames" ? new Uint8Array([sequence, ...json]) : json)
    if (seed.length <= MAX_SEED_BYTES) writeFileSync(join(folder, `seed-${sequence}`), seed)
  }
  encoder.close()
}

function encoderFor(target: Target): Encoder {
  const compression: Compression = target === "zlib" || target === "zstd" ? target : "none"
  return loadCodec("auto").encoder(compression)
}
