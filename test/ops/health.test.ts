import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { type HealthServer, type Readiness, startHealthServer } from "../../src/ops/health.ts"
import { Metrics } from "../../src/ops/metrics.ts"
import { RecordingLogger } from "../fixtures/recording-logger.ts"

let server: HealthServer
let readiness: Readiness
let shards: () => unknown
let logger: RecordingLogger

const options = (port: number) => {
  const metrics = new Metrics()
  metrics.counter({ name: "packets", help: "Packets." }).inc(3)
  return {
    hostname: "127.0.0.1",
    port,
    metricsPath: "/metrics",
    metrics,
    readiness: () => readiness,
    shards: () => shards(),
    logger,
  }
}

beforeEach(() => {
  readiness = { ready: true }
  shards = () => [{ id: 0, phase: "live" }]
  logger = new RecordingLogger()
  server = startHealthServer(options(0))
})
afterEach(() => server.stop())

const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port}${path}`, init)

describe("health server", () => {
  test("serves the metrics in Prometheus' text format", async () => {
    const response = await get("/metrics")
    expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4")
    expect(await response.text()).toContain("\npackets 3\n")
  })

  test("says that the process is alive", async () => {
    expect((await get("/healthz")).status).toBe(200)
  })

  test("says whether the shards are ready, and which are not", async () => {
    expect((await get("/readyz")).status).toBe(200)
    readiness = { ready: false, reason: "shards 3 and 5 are not ready" }
    const response = await get("/readyz")
    expect(response.status).toBe(503)
    expect(await response.text()).toBe("shards 3 and 5 are not ready\n")
  })

  test("shows the shards as JSON", async () => {
    expect(await (await get("/shards?pretty")).json()).toEqual([{ id: 0, phase: "live" }])
  })

  test("answers 404 for any other path, naming those there are", async () => {
    const response = await get("/nothing")
    expect(response.status).toBe(404)
    expect(await response.text()).toBe(
      "There is nothing at this path; there is /metrics, /healthz, /readyz, /shards.\n",
    )
  })

  test("answers 405 for any other method", async () => {
    const response = await get("/metrics", { method: "POST" })
    expect(response.status).toBe(405)
    expect(response.headers.get("allow")).toBe("GET, HEAD")
  })

  test("answers HEAD without a body", async () => {
    const response = await get("/healthz", { method: "HEAD" })
    expect([response.status, await response.text()]).toEqual([200, ""])
  })

  test("answers 500 when a reading fails, says why in the log only, and goes on", async () => {
    shards = () => {
      throw new Error("a defect")
    }
    const response = await get("/shards")
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain("defect")
    expect(logger.messages("error")).toEqual(["Cannot answer a request for metrics or health."])
    expect((await get("/healthz")).status).toBe(200)
  })

  test("#36 says in one sentence what to change when the port is in use", () => {
    expect(() => startHealthServer(options(server.port))).toThrow(
      `Cannot serve metrics on 127.0.0.1:${server.port}: the port is in use; stop what listens there, or set prometheus.address to another port.`,
    )
  })

  test("says in one sentence what to change when the address is not of this machine", () => {
    expect(() => startHealthServer({ ...options(8_080), hostname: "192.0.2.1" })).toThrow(
      "Cannot serve metrics on 192.0.2.1:8080: this machine has no such address; set prometheus.address to one of its own, or to 0.0.0.0 for all.",
    )
  })

  test("frees its port when it stops", async () => {
    const { port } = server
    await server.stop()
    server = startHealthServer(options(port))
    expect(server.port).toBe(port)
  })
})
