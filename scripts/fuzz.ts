// Fuzzes the parsers of outside bytes: `bun run fuzz [seconds]`, that long for each target. Those of the proxy run here and
// need nothing; the native codec's need Rust, and their crashes are kept in native/fuzz/artifacts.

import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Encoder } from "../src/codec/encoder.ts"
import { loadCodec } from "../src/codec/load.ts"
import type { Compression } from "../src/discord/gateway-url.ts"
import { corpus } from "../src/simulator/corpus/corpus.ts"
import { fuzzRpcRequest, fuzzTarget } from "../test/fixtures/proxy-fuzz.ts"
import { type Random, seeded } from "../test/gateway/simulation/random.ts"

const NATIVE = join(import.meta.dir, "..", "native")
const DEFAULT_SECONDS = 60
const TARGETS = ["transcode", "frames", "none", "zlib", "zstd"] as const
type Target = (typeof TARGETS)[number]
const PROXY_TARGETS: readonly (readonly [name: string, run: (random: Random) => boolean])[] = [
  ["the proxy's paths", fuzzTarget],
  ["the proxy's requests over the broker", fuzzRpcRequest],
]
const ROUNDS_A_SEED = 1_000
const SEEDS = 40
const MAX_SEED_BYTES = 4096
const ENVIRONMENT = { ...process.env, PATH: `${process.env["PATH"]}:${process.env["HOME"]}/.cargo/bin` }

const seconds = Number(process.argv[2] ?? DEFAULT_SECONDS)
if (!(Number.isInteger(seconds) && seconds > 0)) {
  console.error(`Cannot fuzz for ${process.argv[2]}: give whole seconds.`)
  process.exitCode = 1
} else {
  const failed = PROXY_TARGETS.filter(([name, run]) => !fuzzHere(name, run))
  const problem = await missing()
  if (problem !== undefined) console.error(problem)
  const isGood = problem === undefined && (await fuzzAll()) === 0
  process.exitCode = isGood && failed.length === 0 ? 0 : 1
}

/** False when something did not hold, after it has said what. */
function fuzzHere(name: string, run: (random: Random) => boolean): boolean {
  console.log(`Fuzzing ${name} for ${seconds} s.`)
  const untilMs = performance.now() + seconds * 1_000
  let seed = Date.now() >>> 0
  let accepted = 0
  for (; performance.now() < untilMs; seed += 1) {
    try {
      const random = seeded(seed)
      for (let round = 0; round < ROUNDS_A_SEED; round += 1) if (run(random)) accepted += 1
    } catch (error) {
      console.error(`Fuzzing ${name} failed with seed ${seed}:`, error)
      return false
    }
  }
  console.log(`${accepted} inputs were accepted, and nothing failed.`)
  return true
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
