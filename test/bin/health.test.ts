// `spectacles health`, as an image's HEALTHCHECK runs it: a process of its own beside the service.

import { expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "../fixtures/free-port.ts"
import { answering, startProxyProcess } from "../fixtures/proxy-process.ts"

const COMMAND = join(import.meta.dir, "../../src/bin/spectacles.ts")
const GATEWAY = { DISCORD_TOKEN: "a.b.c", DISCORD_EVENTS: "MESSAGE_CREATE", DISCORD_INTENTS: "GUILDS" }

async function health(service: string, settings: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), "spectacles-health-"))
  const child = Bun.spawn([process.execPath, COMMAND, "health", service], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", ...settings },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const [code, said, complaint] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()])
  await rm(folder, { recursive: true, force: true })
  return { code, said, complaint }
}

test("is well when the gateway's /healthz answers, at an address that means every interface", async () => {
  const paths: string[] = []
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => {
      paths.push(new URL(url).pathname)
      return new Response("ok")
    },
  })
  try {
    const { code, complaint } = await health("gateway", { ...GATEWAY, PROMETHEUS_ADDRESS: `:${server.port}` })
    expect({ code, complaint, paths }).toEqual({ code: 0, complaint: "", paths: ["/healthz"] })
  } finally {
    await server.stop(true)
  }
})

test("is well for a gateway that serves nothing to ask", async () => {
  expect(await health("gateway", GATEWAY)).toEqual({
    code: 0,
    said: "Nothing to ask: prometheus.address is not set.\n",
    complaint: "",
  })
})

test("asks a proxy without metrics at its front door", async () => {
  const address = `127.0.0.1:${await freePort()}`
  const proxy = await startProxyProcess({ PROXY_ADDRESS: address })
  try {
    await answering(`http://${address}/healthz`)
    expect(await health("proxy", { PROXY_ADDRESS: address })).toMatchObject({ code: 0, complaint: "" })
  } finally {
    await proxy.stop()
  }
})

test("is unwell, in one sentence, when nothing answers", async () => {
  const { code, said, complaint } = await health("proxy", { METRICS_ADDR: `127.0.0.1:${await freePort()}` })
  expect({ code, said }).toEqual({ code: 1, said: "" })
  expect(complaint).toMatch(
    /^http:\/\/127\.0\.0\.1:\d+\/healthz does not answer: ECONNREFUSED\. The service's log says why\.\n$/,
  )
})

test("wants to know which service", async () => {
  const { code, complaint } = await health("redis", {})
  expect({ code, lines: complaint.split("\n").length }).toEqual({ code: 1, lines: 2 })
})
