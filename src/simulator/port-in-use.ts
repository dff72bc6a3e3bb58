// The one start-up failure that a user meets: somebody else has the port.

import { OperatorError } from "../ops/operator-error.ts"

/** Another program listens on that port. */
export class PortInUseError extends OperatorError {
  override readonly name = "PortInUseError"
  readonly port: number

  constructor(hostname: string, port: number) {
    super(
      `Cannot listen on ${hostname}:${port}: the port is in use; stop the program that has it, or choose another port.`,
    )
    this.port = port
  }
}

/**
 * Runs `listen` and names the port when it is taken.
 * @throws PortInUseError
 */
export function claimPort<T>(hostname: string, port: number, listen: () => T): T {
  try {
    return listen()
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE")
      throw new PortInUseError(hostname, port)
    throw error
  }
}
