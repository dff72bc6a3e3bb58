// @discordjs/proxy under Node, as its container runs it, but without its limit of 50 requests a second over all tokens.
// Usage: node discordjs-proxy.mjs ORIGIN. Says its port, and for each line on standard input the CPU time it took so far.

import { createServer } from "node:http"
import { createInterface } from "node:readline"
import { proxyRequests } from "@discordjs/proxy"
import { REST } from "@discordjs/rest"

const [origin] = process.argv.slice(2)
const rest = new REST({ api: `${origin}/api`, retries: 0, globalRequestsPerSecond: Number.POSITIVE_INFINITY })
const server = createServer(proxyRequests(rest))
server.listen(0, "127.0.0.1", () => say({ port: server.address().port }))

for await (const _ of createInterface({ input: process.stdin })) {
  const { user, system } = process.cpuUsage()
  say({ cpuUs: user + system })
}
process.exit(0)

function say(value) {
  console.log(JSON.stringify(value))
}
