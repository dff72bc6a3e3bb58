// A Discord that answers everything at once, with limits that nobody reaches.

import { answerAs } from "./side.ts"

const BODY = JSON.stringify({ id: "1", content: "x".repeat(300) })
const HEADERS = {
  "content-type": "application/json",
  via: "1.1 google",
  "x-ratelimit-limit": "1000000",
  "x-ratelimit-remaining": "999999",
  "x-ratelimit-reset": "1800000000.000",
  "x-ratelimit-reset-after": "60.000",
  "x-ratelimit-bucket": "80c17d2f203122d936070c88c8d10f33",
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: () => new Response(BODY, { headers: HEADERS }),
})
await answerAs(server.port ?? 0)
