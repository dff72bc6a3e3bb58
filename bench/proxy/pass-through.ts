// The plainest pass-through that Bun can be: its server and its fetch, and nothing between them.
// `bun bench/proxy/pass-through.ts ORIGIN`

import { answerAs } from "./side.ts"

const [, , origin = ""] = process.argv
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch({ url, method, headers, body }) {
    return fetch(origin + url.slice(url.indexOf("/", "http://".length)), { method, headers, body })
  },
})
await answerAs(server.port ?? 0)
