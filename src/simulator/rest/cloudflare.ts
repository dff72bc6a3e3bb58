// What comes from the servers before Discord's own: error pages, and the 429 that has neither `Via` nor bucket headers.

import type { Reply } from "../http/reply.ts"

export type CloudflareFormat = "html" | "text" | "json"

const TYPES: Readonly<Record<CloudflareFormat, string>> = {
  html: "text/html; charset=UTF-8",
  text: "text/plain; charset=UTF-8",
  json: "application/json",
}

const BODIES: Readonly<Record<CloudflareFormat, string>> = {
  html: `<!doctype html>
<html lang="en-US"><head><title>Access denied | discord.com used Cloudflare to restrict access</title></head>
<body><h1>Error 1015</h1><h2>You are being rate limited</h2>
<p>The owner of this website (discord.com) has banned you temporarily from accessing this website.</p></body></html>
`,
  text: "error code: 1015\n",
  json: JSON.stringify({
    message: "You are being blocked from accessing our API temporarily.",
    code: 0,
    global: false,
  }),
}

/** Undefined: no Retry-After. */
export function cloudflareLimit(format: CloudflareFormat, retryAfterSeconds: number | undefined): Reply {
  const retryAfter = retryAfterSeconds === undefined ? "" : `Retry-After: ${retryAfterSeconds}\r\n`
  const headers = `Content-Type: ${TYPES[format]}\r\nServer: cloudflare\r\nCF-RAY: 0000000000000000-SIM\r\n${retryAfter}`
  return { type: "whole", status: 429, headers, body: BODIES[format] }
}

/** 500, 502, 503 or 504. */
export function gatewayError(status: number): Reply {
  const body = `<html><head><title>${status}</title></head><body><center><h1>${status}</h1></center><hr><center>cloudflare</center></body></html>\n`
  return { type: "whole", status, headers: "Content-Type: text/html\r\nServer: cloudflare\r\n", body }
}
