// Whether a route keeps failing: so close to the bound on invalid requests, such a one is answered by the proxy itself.

/** Failures in a row after which it counts as one that does. */
const FAILING_FROM = 3

/** Failures in a row after one more answer; -1 once one was good. Other errors of the caller's change nothing. */
export function failuresAfter(failures: number, status: number): number {
  if (status === 401 || status === 403 || status === 429) return failures + 1
  return status < 400 ? -1 : Math.max(0, failures)
}

export function keepsFailing(failures: number): boolean {
  return failures >= FAILING_FROM
}
