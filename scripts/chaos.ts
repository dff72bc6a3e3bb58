#!/usr/bin/env bun
// `bun run chaos [seconds] [seed] [title]`: the chaos tests of a fleet of gateways, each for as long as wanted; 600 s and a
// random seed by default, and all tests, or those whose title has these words. The seed is printed, and brings the same
// trouble again.

const DEFAULT_SECONDS = 600
const MAX_SEED = 2 ** 31

const TESTS = ["test/integration/fleet-chaos.test.ts", "test/integration/hosts-chaos.test.ts"]

const [seconds = String(DEFAULT_SECONDS), seed = String(Math.floor(Math.random() * MAX_SEED)), title] =
  process.argv.slice(2)
process.stdout.write(`chaos for ${seconds} s with the seed ${seed}\n`)
const child = Bun.spawn([process.execPath, "test", ...TESTS, ...(title === undefined ? [] : ["-t", title])], {
  env: { ...process.env, SPECTACLES_CHAOS_SECONDS: seconds, SPECTACLES_CHAOS_SEED: seed },
  stdio: ["inherit", "inherit", "inherit"],
})
process.exitCode = await child.exited
