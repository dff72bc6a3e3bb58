import { afterEach, expect, test } from "bun:test"
import { startSimulator } from "../../src/simulator/start.ts"
import { GatewayClient } from "../simulator/gateway-client.ts"

const COMMAND = `${import.meta.dir}/../../src/bin/simulator.ts`
const running: Bun.Subprocess[] = []

function run(...flags: string[]) {
  const child = Bun.spawn(["bun", COMMAND, ...flags], { stdout: "pipe", stderr: "pipe" })
  running.push(child)
  return child
}

/** What a run that ends by itself leaves behind. */
async function outcome(...flags: string[]) {
  const child = run(...flags)
  const [code, output, errors] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return { code, output, errors }
}

afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL")
})

test("says how to connect, serves, and ends with 0 on SIGTERM", async () => {
  const child = run("--port", "0", "--guilds", "2", "--shards", "2")
  const { value } = await child.stdout.getReader().read()
  const greeting = new TextDecoder().decode(value)
  const host = /DISCORD_API_HOST=(\S+)/.exec(greeting)?.[1]
  const answer = await fetch(`http://${host}/api/v10/gateway/bot`, { headers: { authorization: "Bot any" } })
  const { url, shards } = (await answer.json()) as { url: string; shards: number }
  expect(shards).toBe(2)
  expect((await new GatewayClient(url).op(10)).op).toBe(10)
  child.kill("SIGTERM")
  expect(await child.exited).toBe(0)
})

test("shows REST's limits, unless told not to", async () => {
  for (const [flags, limit] of [
    [[], "10"],
    [["--no-limits", "--no-record"], null],
  ] as const) {
    const { value } = await run("--port", "0", ...flags)
      .stdout.getReader()
      .read()
    const host = /DISCORD_API_HOST=(\S+)/.exec(new TextDecoder().decode(value))?.[1]
    const answer = await fetch(`http://${host}/api/v10/users/@me`, { headers: { authorization: "Bot any" } })
    expect([answer.status, answer.headers.get("x-ratelimit-limit")]).toEqual([200, limit])
  }
})

test("#36 a port in use is one sentence, and exit code 1", async () => {
  const other = await startSimulator()
  const port = new URL(other.url).port
  const { code, output, errors } = await outcome("--port", port, "--gateway-port", "0")
  await other.stop()
  expect({ code, output }).toEqual({ code: 1, output: "" })
  expect(errors).toBe(
    `Cannot listen on 127.0.0.1:${port}: the port is in use; stop the program that has it, or choose others by --port and --gateway-port.\n`,
  )
})

test.each([
  [["--shards", "0"], "Cannot use --shards 0: it must be a whole number from 1 to 100000.\n"],
  [
    ["--host", "192.0.2.1", "--port", "0"],
    "Cannot listen on 192.0.2.1:0: this machine has no such address; choose one of its own by --host, or 0.0.0.0 for all.\n",
  ],
  [
    ["--port", "65535"],
    "Cannot use --port 65535 alone: no port is behind it for the gateway; give --gateway-port too.\n",
  ],
  [["--rate", "fast"], "Cannot use --rate fast: it must be a number of events a second, or flat-out.\n"],
  [
    ["--prot", "1"],
    "Cannot run spectacles simulator: it has no flag --prot. Did you mean --port? See spectacles simulator --help.\n",
  ],
])("#36 the mistake in %p is one sentence, and exit code 1", async (flags, sentence) => {
  expect(await outcome(...flags)).toEqual({ code: 1, output: "", errors: sentence })
})

test("--help lists the flags", async () => {
  const { code, output } = await outcome("--help")
  expect(code).toBe(0)
  for (const flag of [
    "--port",
    "--gateway-port",
    "--shards",
    "--rate",
    "--seed",
    "--token",
    "--no-limits",
    "--no-record",
  ])
    expect(output).toContain(flag)
})
