import { expect, test } from "bun:test"
import { join } from "node:path"

const SCRIPT = join(import.meta.dir, "../../../bench/scaling/identify.ts")

test("the simulation of a first start gives every shard its slot, and none within 5 s of its key's last one", async () => {
  const command = [process.execPath, SCRIPT, "--shards", "32", "--gateways", "4", "--concurrency", "4"]
  const script = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" })
  const text = await new Response(script.stdout).text()
  expect(await script.exited).toBe(0)
  expect(text).toContain("; 0 identifies within 5 s")
}, 120_000)
