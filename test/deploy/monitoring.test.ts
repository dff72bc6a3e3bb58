// Alerts and dashboards ask for metrics and labels that the services have. Where promtool is installed, it checks the
// rules and runs their own tests.

import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import { FleetMetrics } from "../../src/ops/fleet-metrics.ts"
import { GatewayMetrics } from "../../src/ops/gateway-metrics.ts"
import { Metrics } from "../../src/ops/metrics.ts"
import { ProxyMetrics } from "../../src/proxy/metrics.ts"

const DEPLOY = join(import.meta.dir, "../../deploy")
/** What Prometheus adds: its own labels, and those of histograms. */
const LABELS_OF_PROMETHEUS = ["instance", "job", "le"]
const SERIES_OF_HISTOGRAMS = ["_bucket", "_sum", "_count"]
const METRIC = /\b(?:gateway|proxy|process)_\w+/g

const RULES = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          labels: z.object({ severity: z.enum(["critical", "warning"]) }),
          annotations: z.object({ summary: z.string(), action: z.string() }),
        }),
      ),
    }),
  ),
})
const DASHBOARD = z.object({
  uid: z.string(),
  panels: z.array(
    z.object({
      id: z.number(),
      title: z.string(),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      targets: z.array(z.object({ expr: z.string() })),
    }),
  ),
})

const rules = RULES.parse(Bun.YAML.parse(readFileSync(join(DEPLOY, "prometheus/alerts.yml"), "utf8"))).groups.flatMap(
  (group) => group.rules,
)
const dashboards = ["gateway", "proxy"].map((name) =>
  DASHBOARD.parse(JSON.parse(readFileSync(join(DEPLOY, `grafana/dashboards/${name}.json`), "utf8"))),
)
const queries = [...rules.map(({ expr }) => expr), ...dashboards.flatMap(expressionsOf)]
const registered = new Map(
  [GatewayMetrics, FleetMetrics, ProxyMetrics].flatMap((Service) => {
    const metrics = new Metrics()
    new Service(metrics)
    return metrics.describe().flatMap(({ name, type, labels }) => {
      const names = type === "histogram" ? SERIES_OF_HISTOGRAMS.map((series) => name + series) : [name]
      return names.map((one) => [one, labels] as const)
    })
  }),
)

function expressionsOf(dashboard: z.infer<typeof DASHBOARD>): string[] {
  return dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
}

describe("alerts and dashboards", () => {
  test("ask for metrics that the services have", () => {
    const asked = queries.flatMap((query) => query.match(METRIC) ?? [])
    expect(asked.length).toBeGreaterThan(50)
    expect(asked.filter((name) => !registered.has(name))).toEqual([])
  })

  test("select and group by labels that those metrics have", () => {
    const wrong = queries.flatMap((query) => {
      const has = new Set([...(query.match(METRIC) ?? []).flatMap((name) => registered.get(name) ?? [])])
      const selected = [...query.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label)
      const grouped = [...query.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/\s*,\s*/))
      const unknown = [...selected, ...grouped].filter((one) => !has.has(one) && !LABELS_OF_PROMETHEUS.includes(one))
      return unknown.map((label) => `${label} in ${query}`)
    })
    expect(wrong).toEqual([])
  })

  test("have names of their own, and panels with places of their own", () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
    for (const { panels } of dashboards) {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
      expect(new Set(panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size).toBe(panels.length)
      expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true)
    }
  })

  test("are tested, each alert for firing and for keeping still", () => {
    const tests = readFileSync(join(DEPLOY, "prometheus/alerts.test.yml"), "utf8")
    const fires = (alert: string) =>
      tests.includes(`{alertname="${alert}"}`) || tests.includes(`ALERTS{alertname="${alert}",`)
    const keepsStill = (alert: string) => tests.includes(`alertname: ${alert}, exp_alerts: []`)
    expect(rules.map(({ alert }) => alert).filter((alert) => !fires(alert) || !keepsStill(alert))).toEqual([])
  })
})

const PROMTOOL = Bun.which("promtool")
if (PROMTOOL === null)
  console.warn("SKIPPED: promtool's own checks, because Debian's package prometheus is not installed.")

describe.skipIf(PROMTOOL === null)("promtool", () => {
  const promtool = (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([PROMTOOL ?? "", ...args], { cwd: join(DEPLOY, "prometheus") })
    return { exitCode, said: `${stdout}${stderr}` }
  }

  test("accepts the rules and the configuration", () => {
    expect(promtool("check", "rules", "--lint-fatal", "alerts.yml")).toMatchObject({ exitCode: 0 })
    expect(promtool("check", "config", "prometheus.yml")).toMatchObject({ exitCode: 0 })
  })

  test("sees every alert fire when it should, and only then", () => {
    expect(promtool("test", "rules", "alerts.test.yml")).toMatchObject({ exitCode: 0 })
  })

  test("can read every query of the dashboards", () => {
    const record = (expr: string, index: number) => ({ record: `dashboard:query_${index}`, expr })
    const asked = dashboards.flatMap(expressionsOf).map((expr) => expr.replaceAll("$__rate_interval", "1m"))
    const file = JSON.stringify({ groups: [{ name: "dashboards", rules: asked.map(record) }] })
    const { exitCode, stdout, stderr } = Bun.spawnSync([PROMTOOL ?? "", "check", "rules", "/dev/stdin"], {
      stdin: Buffer.from(file),
    })
    expect({ exitCode, said: `${stdout}${stderr}` }).toMatchObject({ exitCode: 0 })
  })
})
