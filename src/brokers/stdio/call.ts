// Calls and replies need a way back to one caller, which a pipeline has not.

/** The error of every call and reply. @param what what was asked for, as in `call REQUEST`. */
export function noCalls(what: string): Error {
  return new Error(`Cannot ${what} over standard input and output: set broker.type to "redis" or "amqp".`)
}
