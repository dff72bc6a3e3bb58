// What a service does about its own defects.

import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { startSimulator } from "../../src/simulator/start.ts"
import { freePort } from "../fixtures/free-port.ts"
import { startGatewayProcess, TOKEN } from "../fixtures/gateway-process.ts"
import { answering, startProxyProcess } from "../fixtures/proxy-process.ts"

// Nothing here takes as long, unless the machine is busy with other things.
setDefaultTimeout(60_000)

const DEFECTIVE = { BUN_OPTIONS: `--preload=${join(import.meta.dir, "../fixtures/defective.ts")}` }

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** The lines of a log that tell of the defect. */
function linesOf(errors: string): readonly { readonly level: string; readonly msg: string; readonly err: Error }[] {
  return errors
    .split("\n")
    .filter((line) => line.includes("nobody expected this"))
    .map((line) => JSON.parse(line))
}

describe("a rejection or an exception that nobody caught", () => {
  test("is told in the gateway's log, without its secrets, and stops it in order with 1", async () => {
    const simulator = await startSimulator({ token: TOKEN })
    stops.push(() => simulator.stop())
    const gateway = await startGatewayProcess(simulator, { ...DEFECTIVE, LOG_FORMAT: "json" })
    stops.push(() => gateway.stop())
    await Promise.race([simulator.record.waitFor("identify", ({ outcome }) => outcome === "ready"), gateway.exited])
    process.kill(gateway.pid, "SIGUSR2")
    expect(await gateway.exited).toBe(1)
    const errors = await gateway.errors
    const [first, ...others] = linesOf(errors)
    expect(first?.level).toBe("error")
    expect(first?.msg).toStartWith("Cannot go on")
    expect(first?.err.stack).toContain("defective.ts")
    expect(others.length).toBe(9)
    expect(errors).not.toContain(TOKEN)
    // So that the session can be resumed: neither 1000 nor 1001, nor cut off.
    const { by, code } = await simulator.record.waitFor("close")
    expect(by).toBe("client")
    expect([1000, 1001, null]).not.toContain(code)
  })

  test("is told in the proxy's log, and stops it in order with 1", async () => {
    const port = await freePort()
    const address = `127.0.0.1:${port}`
    const settings = { ...DEFECTIVE, LOG_FORMAT: "json", DISCORD_TOKEN: TOKEN, PROXY_ADDRESS: address }
    const proxy = await startProxyProcess(settings)
    stops.push(() => proxy.stop())
    await answering(`http://${address}/`)
    process.kill(proxy.pid, "SIGUSR2")
    expect(await proxy.exited).toBe(1)
    const errors = await proxy.errors
    expect(linesOf(errors)[0]?.msg).toStartWith("Cannot go on")
    expect(errors).not.toContain(TOKEN)
  })
})
