#!/usr/bin/env bun
// `bun run chaos [seconds] [seed]`: the chaos test of a fleet of gateways for as long as wanted; 600 s and a random seed by
// default. The seed is printed, and brings the same trouble again.

const DEFAULT_SECONDS = 600
const MAX_SEED = 2 ** 31

const [seconds = String(DEFAULT_SECONDS), seed = String(Math.floor(Math.random() * MAX_SEED))] = process.argv.slice(2)
process.stdout.write(`chaos for ${seconds} s with the seed ${seed}\n`)
const child = Bun.spawn([process.execPath, "test", "test/integration/fleet-chaos.test.ts"], {
  env: { ...process.env, SPECTACLES_CHAOS_SECONDS: seconds, SPECTACLES_CHAOS_SEED: seed },
  stdio: ["inherit", "inherit", "inherit"],
})
process.exitCode = await child.exited
