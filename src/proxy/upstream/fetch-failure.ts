// What a failed fetch means: whether Discord may have seen the request.

/**
 * `unsent`: no connection was made, so that any request may go again. `broken`: it may have been executed.
 * `timeout`: our own deadline.
 */
export type FetchFailure = "unsent" | "broken" | "timeout"

/** Codes of Bun's fetch for what happens before a byte is sent. */
const BEFORE_SENDING: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ConnectionRefused",
  "FailedToOpenSocket",
  "ENOTFOUND",
  "EAI_AGAIN",
  "DNSResolveFailed",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "EMFILE",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "ERR_TLS_CERT_ALTNAME_INVALID",
])

export function fetchFailure(error: unknown): FetchFailure {
  if (!(error instanceof Error)) return "broken"
  if (error.name === "AbortError" || error.name === "TimeoutError") return "timeout"
  return BEFORE_SENDING.has(codeOf(error)) ? "unsent" : "broken"
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error)
}
