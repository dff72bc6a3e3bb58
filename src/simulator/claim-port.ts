// The start-up failures that a user meets: a port or an address that cannot be had.

import { OperatorError } from "../ops/operator-error.ts"

/**
 * Runs `listen`.
 * @throws OperatorError that names the address and the flags to change, where it cannot be had.
 */
export function claimPort<T>(hostname: string, port: number, listen: () => T): T {
  try {
    return listen()
  } catch (error) {
    const reason = reasonOf(error)
    if (reason === null) throw error
    throw new OperatorError(`Cannot listen on ${hostname}:${port}: ${reason}`, { cause: error })
  }
}

function reasonOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  switch ("code" in error ? error.code : undefined) {
    case "EADDRINUSE":
      return "the port is in use; stop the program that has it, or choose others by --port and --gateway-port."
    case "EACCES":
      return "this user may not listen there; choose ports above 1023 by --port and --gateway-port."
    default:
      // Bun's words, with a code where the address is another machine's and without one where a name means none.
      if (!error.message.startsWith("Failed to listen")) return null
      return "this machine has no such address; choose one of its own by --host, or 0.0.0.0 for all."
  }
}
