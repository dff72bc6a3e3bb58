// Bun's fetch keeps 256 requests in flight at most, unless a variable says otherwise when the process starts. So a process
// that needs more starts itself anew, in place: same process id, same standard streams.

const VARIABLE = "BUN_CONFIG_MAX_HTTP_REQUESTS"
const BUNS_OWN_LIMIT = 256
/** Where the parts of a compiled executable are: it has no script to be started with. */
const COMPILED = /^(\/\$bunfs\/|[A-Z]:\/~BUN\/)/

/** Does not return when the process is started anew. @returns how many requests can be in flight. */
export function allowConnections(wanted: number): number {
  const allowed = Number(process.env[VARIABLE] ?? BUNS_OWN_LIMIT)
  if (allowed >= wanted) return allowed
  const [, script = "", ...args] = process.argv
  // By the name that it was called by: a link may say which command it is.
  const command = COMPILED.test(script) ? [process.argv0] : [process.execPath, ...process.execArgv, script]
  // Absent on Windows.
  process.execve?.(process.execPath, [...command, ...args], { ...process.env, [VARIABLE]: String(wanted) })
  return allowed
}
