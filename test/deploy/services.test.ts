// The Dockerfile, Compose and Kubernetes speak of settings, ports, paths and versions that the services have.

import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import packageJson from "../../package.json"
import { readText } from "../../src/config/config-file.ts"
import { parseDuration } from "../../src/config/duration.ts"
import { GATEWAY_SETTINGS } from "../../src/config/gateway-settings.ts"
import { PROXY_SETTINGS } from "../../src/config/proxy-settings.ts"
import { readGatewayConfig } from "../../src/config/read-gateway-config.ts"
import { readProxyConfig } from "../../src/config/read-proxy-config.ts"

const ROOT = join(import.meta.dir, "../..")
const KUBERNETES = "deploy/kubernetes"
const TOKEN = "MTE3NDY2NDg1NzMxNTU1NTM5OA.GT3sT1.not-a-real-token_of-any-bot-at-all-0000"
const USER = 65_532

const read = (file: string) => readFileSync(join(ROOT, file), "utf8")
const variablesOf = (table: typeof GATEWAY_SETTINGS | typeof PROXY_SETTINGS) =>
  new Set<string>(Object.values(table).flatMap(({ variables }) => [...variables]))
const KNOWN = { gateway: variablesOf(GATEWAY_SETTINGS), proxy: variablesOf(PROXY_SETTINGS) }
const SERVICES = ["gateway", "proxy"] as const

function seconds(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new Error(`Cannot read the duration "${text}".`)
  return ms / 1_000
}

const SERVICE = z.object({
  image: z.string(),
  build: z.object({ context: z.string(), target: z.string() }).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  stop_grace_period: z.string().optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
})
const compose = z
  .object({ services: z.record(z.string(), SERVICE) })
  .parse(Bun.YAML.parse(read("deploy/compose.yaml"))).services
const dockerfile = read("Dockerfile")

/** The environment of a service in Compose, as it is when `.env` holds the token alone. */
function environmentOf(service: string): Record<string, string> {
  const given = Object.entries(compose[service]?.environment ?? {})
  return Object.fromEntries(
    given.map(([key, value]) => [
      key,
      value.replace(/\$\{\w+(?::-([^}]*)|:\?[^}]*)\}/g, (_, fallback) => fallback ?? TOKEN),
    ]),
  )
}

describe("the Dockerfile", () => {
  test("takes Bun and the version that package.json names", () => {
    expect(dockerfile).toContain(`ARG BUN_IMAGE=docker.io/oven/${packageJson.packageManager.replace("@", ":")}\n`)
    expect(dockerfile).toContain(`ARG SPECTACLES_VERSION="${packageJson.version}"\n`)
  })

  test("sets settings that the services have", () => {
    expect([...dockerfile.matchAll(/^ENV (\w+)=/gm)].map(([, name]) => name)).toEqual([
      "NODE_EXTRA_CA_CERTS",
      "PROXY_ADDRESS",
    ])
    expect(KNOWN.proxy).toContain("PROXY_ADDRESS")
  })

  test("copies files that are there and that .dockerignore lets through", () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from = ""]) => from.split(" "))
    const allowed = [...read(".dockerignore").matchAll(/^!(.+)$/gm)].map(([, path = ""]) => path)
    expect(copied.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
    expect(copied.filter((file) => !allowed.some((path) => file === path || file.startsWith(`${path}/`)))).toEqual([])
  })
})

describe("Compose", () => {
  test("builds targets that the Dockerfile has, and mounts files that are there", () => {
    for (const { build, volumes = [] } of Object.values(compose)) {
      if (build !== undefined) expect(dockerfile).toMatch(new RegExp(`^FROM .+ AS ${build.target}$`, "m"))
      for (const volume of volumes.filter((one) => one.startsWith("."))) {
        expect(existsSync(join(ROOT, "deploy", volume.split(":")[0] ?? ""))).toBe(true)
      }
    }
  })

  test("gives the services settings that they have and can run with", () => {
    const [gateway, proxy] = [environmentOf("gateway"), environmentOf("proxy")]
    for (const service of SERVICES) {
      expect(Object.keys(environmentOf(service)).filter((name) => !KNOWN[service].has(name))).toEqual([])
    }
    const ofGateway = readGatewayConfig({ file: null, env: gateway, isTerminal: false, readText: () => "" })
    expect(ofGateway).toMatchObject({
      warnings: [],
      config: { broker: { type: "redis" }, shardStore: { type: "redis" } },
    })
    expect(readProxyConfig({ file: null, env: proxy, readText, isTerminal: false }).warnings).toEqual([])
  })

  test("lets services stop in their own time, and start after Redis", () => {
    expect(compose["redis"]?.healthcheck?.test).toEqual(["CMD", "redis-cli", "ping"])
    for (const service of SERVICES) {
      const { stop_grace_period = "0s", depends_on } = compose[service] ?? {}
      expect(seconds(stop_grace_period)).toBeGreaterThan(seconds(environmentOf(service)["SHUTDOWN_TIMEOUT"] ?? ""))
      expect(depends_on).toEqual({ redis: { condition: "service_healthy" } })
    }
  })

  test("publishes nothing beyond this machine", () => {
    const published = Object.values(compose).flatMap(({ ports = [] }) => ports)
    expect(published.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([])
  })

  test("is scraped at the ports that it serves metrics on", () => {
    const { scrape_configs } = z
      .object({
        scrape_configs: z.array(
          z.object({ job_name: z.string(), static_configs: z.array(z.object({ targets: z.array(z.string()) })) }),
        ),
      })
      .parse(Bun.YAML.parse(read("deploy/prometheus/prometheus.yml")))
    expect(scrape_configs.map(({ job_name, static_configs: [first] }) => [job_name, first?.targets])).toEqual([
      ["spectacles-gateway", [`gateway${environmentOf("gateway")["PROMETHEUS_ADDRESS"]}`]],
      ["spectacles-proxy", [`proxy${environmentOf("proxy")["METRICS_ADDR"]}`]],
    ])
  })
})

const PROBE = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) })
const VARIABLE = z.object({ name: z.string(), value: z.string().optional(), valueFrom: z.unknown().optional() })
const WORKLOAD = z.object({
  kind: z.enum(["StatefulSet", "Deployment"]),
  spec: z.object({
    template: z.object({
      spec: z.object({
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.object({ runAsUser: z.number(), runAsNonRoot: z.literal(true) }),
        containers: z.tuple([
          z.object({
            name: z.string(),
            image: z.string(),
            env: z.array(VARIABLE),
            ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
            readinessProbe: PROBE,
            livenessProbe: PROBE,
            lifecycle: z.object({ preStop: z.object({ sleep: z.object({ seconds: z.number() }) }) }).optional(),
            securityContext: z.object({ readOnlyRootFilesystem: z.literal(true) }),
            volumeMounts: z.array(z.object({ mountPath: z.string() })),
          }),
        ]),
      }),
    }),
  }),
})

function documents(file: string): unknown[] {
  const parsed: unknown = Bun.YAML.parse(read(join(KUBERNETES, file)))
  return Array.isArray(parsed) ? parsed : [parsed]
}

function podOf(service: (typeof SERVICES)[number]) {
  return WORKLOAD.parse(documents(`base/${service}.yaml`)[0]).spec.template.spec
}

/** What the gateways of `many-gateways` have beside those of `base`. */
function manyGateways() {
  const containers = z.tuple([z.object({ env: z.array(VARIABLE) })])
  const patch = z.object({ spec: z.object({ template: z.object({ spec: z.object({ containers }) }) }) })
  return patch.parse(documents("many-gateways/gateway.yaml")[0]).spec.template.spec.containers[0].env
}

describe("Kubernetes", () => {
  const settings = z.object({ data: z.record(z.string(), z.string()) }).parse(documents("base/settings.yaml")[0]).data

  test("lists every file of a folder in its kustomization", () => {
    for (const folder of ["base", "many-gateways", "monitoring"]) {
      const listed = read(join(KUBERNETES, folder, "kustomization.yaml"))
      const files = readdirSync(join(ROOT, KUBERNETES, folder))
      const missing = files.filter((file) => !listed.includes(`- ${file}`) && !listed.includes(`path: ${file}`))
      expect(missing.filter((file) => !["kustomization.yaml", "secret.example.yaml"].includes(file))).toEqual([])
    }
  })

  test("gives the services settings that they have", () => {
    const names = {
      gateway: [...podOf("gateway").containers[0].env, ...manyGateways()]
        .map(({ name }) => name)
        .concat(Object.keys(settings)),
      proxy: podOf("proxy").containers[0].env.map(({ name }) => name),
    }
    expect(names.gateway.filter((name) => !KNOWN.gateway.has(name))).toEqual([])
    expect(names.proxy.filter((name) => !KNOWN.proxy.has(name))).toEqual([])
  })

  test("gives several gateways settings by which they share the shards", () => {
    const secret = { DISCORD_TOKEN: TOKEN, REDIS_URL: "redis://redis:6379" }
    const shared = Object.fromEntries(manyGateways().map(({ name, value }) => [name, value]))
    const env = { ...settings, ...secret, ...shared }
    const { config, warnings } = readGatewayConfig({ file: null, env, isTerminal: false, readText: () => "" })
    expect(warnings).toEqual([])
    expect(config.shards.leases).toBeDefined()
  })

  for (const service of SERVICES) {
    test(`runs the ${service} as nobody, asks after it where it answers, and lets it stop in its own time`, () => {
      const { terminationGracePeriodSeconds: grace, securityContext, containers } = podOf(service)
      const [{ name, image, env, ports, readinessProbe, livenessProbe, lifecycle, volumeMounts }] = containers
      expect({ name, image }).toEqual({ name: service, image: `spectacles/${service}` })
      expect(securityContext.runAsUser).toBe(USER)
      expect(dockerfile).toContain(`USER ${USER}:${USER}`)
      const value = (variable: string) => env.find((one) => one.name === variable)?.value ?? ""
      const address = value(service === "gateway" ? "PROMETHEUS_ADDRESS" : "METRICS_ADDR")
      expect(`:${ports.find((port) => port.name === "metrics")?.containerPort}`).toBe(address)
      expect(readinessProbe.httpGet).toEqual({ path: "/readyz", port: "metrics" })
      expect(livenessProbe.httpGet).toEqual({ path: "/healthz", port: "metrics" })
      const stopping = (lifecycle?.preStop.sleep.seconds ?? 0) + seconds(value("SHUTDOWN_TIMEOUT"))
      expect(grace).toBeGreaterThan(stopping)
      // Where the native codec is unpacked.
      expect(volumeMounts.map(({ mountPath }) => mountPath)).toContain("/tmp")
    })
  }

  test("reaches the proxy where its image listens", () => {
    expect(podOf("proxy").containers[0].ports).toContainEqual({ name: "http", containerPort: 8_080 })
    expect(dockerfile).toContain("ENV PROXY_ADDRESS=0.0.0.0:8080\nEXPOSE 8080\n")
  })
})
