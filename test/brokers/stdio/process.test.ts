// The STDIO broker between real processes: pipes, files and a full disk.

import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { encodeBody } from "../../../src/brokers/body.ts"

const WRITER = join(import.meta.dir, "../../fixtures/stdio-writer.ts")
const READER = join(import.meta.dir, "../../fixtures/stdio-reader.ts")
const BATCH_EVENTS = 64

interface Outcome {
  readonly confirmed: number
  readonly rejected: number
  readonly end: string
  readonly message: string
  readonly rssBytes: number
}

/** Runs a shell command line with `$0` as bun and `$1` as the writer; the writer's words go to its standard error. */
async function run(commandLine: string): Promise<{ out: string; outcome: Outcome; exitCode: number }> {
  const shell = Bun.spawn(["bash", "-c", `set -o pipefail; ${commandLine}`, process.execPath, WRITER], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, words, exitCode] = await Promise.all([shell.stdout.text(), shell.stderr.text(), shell.exited])
  return { out, outcome: JSON.parse(words), exitCode }
}

/** The numbers of the events, which every line must hold whole. */
const numbers = (out: string): number[] =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).data[0])
const upTo = (count: number) => Array.from({ length: count }, (_, number) => number)

describe("standard output", () => {
  test("brings every event through a pipe, whole and in order", async () => {
    const { out, outcome, exitCode } = await run('"$0" "$1" 100 | cat')
    expect(numbers(out)).toEqual(upTo(100 * BATCH_EVENTS))
    expect(outcome).toMatchObject({ confirmed: 100, rejected: 0, end: "closed" })
    expect(exitCode).toBe(0)
  })

  test("brings every event through to a reader slower than the pipe", async () => {
    const slow = `python3 -c '
import os, time
while True:
    piece = os.read(0, 65536)
    if not piece: break
    os.write(1, piece); time.sleep(0.001)'`
    const { out, outcome } = await run(`"$0" "$1" 50 | ${slow}`)
    expect(numbers(out)).toEqual(upTo(50 * BATCH_EVENTS))
    expect(outcome.confirmed).toBe(50)
  })

  test("holds events back for a reader that stops, instead of gathering them", async () => {
    // 100,000 batches are 6.4 GB. The reader takes nothing for a second and leaves.
    const { outcome } = await run('"$0" "$1" 100000 | sleep 1')
    expect(outcome.confirmed).toBeLessThan(16)
    expect(outcome.rssBytes).toBeLessThan(200 * 1024 * 1024)
  })

  test("ends cleanly when the reader leaves, as head does", async () => {
    const { out, outcome, exitCode } = await run('"$0" "$1" 10000 | head -1')
    expect(numbers(out)).toEqual([0])
    expect(outcome).toMatchObject({ end: "gone" })
    expect(outcome.rejected).toBeGreaterThan(0)
    expect(exitCode).toBe(0)
  })

  test("ends cleanly when the reader of small events leaves", async () => {
    const { outcome, exitCode } = await run('"$0" "$1" 1000000 1 20 | head -1')
    expect(outcome.end).toBe("gone")
    expect(exitCode).toBe(0)
  })

  test("confirms small events only when the pipe has them", async () => {
    const { outcome } = await run('"$0" "$1" 1000000 1 20 | sleep 1')
    expect(outcome).toMatchObject({ end: "gone" })
    // A pipe holds 64 KiB, and each line here is more than 32 bytes.
    expect(outcome.confirmed).toBeLessThan(2_048)
  })

  test("ends cleanly when nobody ever read", async () => {
    const { outcome, exitCode } = await run('"$0" "$1" 10000 | true')
    expect(outcome.end).toBe("gone")
    expect(exitCode).toBe(0)
  })

  test.skipIf(process.platform !== "linux").each(["10 64 1000", "10 1 20"])(
    "says so when the disk is full, and confirms nothing that is not on it (%s)",
    async (size) => {
      const { outcome, exitCode } = await run(`"$0" "$1" ${size} > /dev/full`)
      expect(outcome).toMatchObject({
        confirmed: 0,
        end: "failed",
        message:
          "Cannot write events to standard output: no space is left (ENOSPC); free some, or send standard output elsewhere.",
      })
      expect(exitCode).toBe(1)
    },
  )

  test("writes to a file", async () => {
    const { out, outcome } = await run('file=$(mktemp) && "$0" "$1" 20 > "$file" && cat "$file" && rm "$file"')
    expect(numbers(out)).toEqual(upTo(20 * BATCH_EVENTS))
    expect(outcome.confirmed).toBe(20)
  })

  test("writes to a pipe that another process has made non-blocking", async () => {
    const nonBlocking = `python3 -c '
import fcntl, os, subprocess, sys, time
read, write = os.pipe()
fcntl.fcntl(write, fcntl.F_SETFL, fcntl.fcntl(write, fcntl.F_GETFL) | os.O_NONBLOCK)
child = subprocess.Popen([sys.argv[1], sys.argv[2], "20"], stdout=write)
os.close(write)
while True:
    piece = os.read(read, 65536)
    if not piece: break
    os.write(1, piece); time.sleep(0.001)
sys.exit(child.wait())' "$0" "$1"`
    const { out, exitCode } = await run(nonBlocking)
    expect(numbers(out)).toEqual(upTo(20 * BATCH_EVENTS))
    expect(exitCode).toBe(0)
  })
})

describe("standard input", () => {
  test("takes JSON and MessagePack, mixed, in pieces, and refuses the rest on standard error", async () => {
    const reader = Bun.spawn([process.execPath, READER], { stdin: "pipe", stdout: "pipe", stderr: "pipe" })
    const map = encodeBody("msgpack", { event: "0", data: { by: "map" } })
    const pieces = [
      '{"event":"0","da',
      'ta":{"by":"line"}}\nwhat?\n',
      map.subarray(0, 7),
      map.subarray(7),
      '{"event":"0","data":"stop"}',
    ]
    for (const piece of pieces) {
      reader.stdin.write(piece)
      await reader.stdin.flush()
    }
    const [out, words] = await Promise.all([reader.stdout.text(), reader.stderr.text(), reader.exited])
    expect(out).toBe('{"event":"0","data":{"by":"line"}}\n{"event":"0","data":{"by":"map"}}\n')
    expect(words).toContain("it starts with the byte 0x77")
    expect(reader.exitCode).toBe(0)
  })
})
