// Installs the real servers that the tests start, Redis and RabbitMQ, where that can be done without asking: as root, with
// apt. Else says in one sentence what to install.

import { existsSync } from "node:fs"

interface Server {
  /** Debian's package. */
  readonly name: string
  /** It is there when one of these is. */
  readonly commands: readonly string[]
}

const SERVERS: readonly Server[] = [
  { name: "redis-server", commands: ["redis-server"] },
  {
    name: "rabbitmq-server",
    commands: ["rabbitmqctl", "/usr/lib/rabbitmq/bin/rabbitmqctl", "/opt/rabbitmq/sbin/rabbitmqctl"],
  },
]
const ROOT_USER = 0
/** Installed without being started: the tests start their own. */
const ENVIRONMENT = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" }

/** @returns the sentence, when a server is missing and could not be installed. */
export function installServers(): string | undefined {
  const missing = missingServers()
  if (missing.length === 0) return undefined
  const names = missing.join(" and ")
  const byHand = `Cannot run the tests: install ${names}, such as by \`sudo apt-get install ${missing.join(" ")}\`.`
  if (process.getuid?.() !== ROOT_USER || Bun.which("apt-get") === null) return byHand
  console.log(`Installing ${names} for the tests.`)
  const install = () => apt("install", "--yes", "--no-install-recommends", ...missing)
  // A fresh image has no lists of packages.
  if (!install()) {
    apt("update")
    install()
  }
  return missingServers().length === 0 ? undefined : byHand
}

function missingServers(): string[] {
  const has = (command: string) => (command.startsWith("/") ? existsSync(command) : Bun.which(command) !== null)
  return SERVERS.filter(({ commands }) => !commands.some(has)).map(({ name }) => name)
}

function apt(...args: readonly string[]): boolean {
  const command = ["apt-get", "--quiet", "--quiet", ...args]
  return Bun.spawnSync(command, { env: ENVIRONMENT, stdio: ["ignore", "ignore", "ignore"] }).exitCode === 0
}
