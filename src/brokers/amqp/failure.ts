// What goes wrong with RabbitMQ, as sentences; and what only an operator can mend.

import { shownUrl } from "./server-url.ts"

/** The broker will not work before an operator changes something. The message is a whole sentence. */
export class BrokerFailedError extends Error {
  override readonly name = "BrokerFailedError"
}

/** Replies of RabbitMQ that say the same however often it is asked. Source: AMQP 0-9-1, Constants. */
const REFUSALS = /\b(ACCESS[_-]REFUSED|NOT[_-]ALLOWED|PRECONDITION[_-]FAILED|RESOURCE[_-]LOCKED)\b/
/** amqplib's words for a server that closes the connection where it should open the virtual host. */
const NO_VIRTUAL_HOST = "Expected ConnectionOpenOk; got <ConnectionClose"
/** Of TLS, as OpenSSL words them: self signed, expired, unable to get issuer, the host is not in it. */
const CERTIFICATE = /certificate|altnames/i
const WRONG_PROTOCOL = /exceeds maxFrameSize|Invalid frame|SSL routines/

/** Whether trying again is pointless. */
export function isOperatorsMatter(error: Error): boolean {
  if (error instanceof BrokerFailedError) return true
  return REFUSALS.test(error.message) || CERTIFICATE.test(error.message) || error.message.startsWith(NO_VIRTUAL_HOST)
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

/** What RabbitMQ said of it, without what amqplib puts around. */
export function reasonOf(error: Error): string {
  return /with message "(.*)"$/s.exec(error.message)?.[1] ?? error.message
}

/** Why a connection to `url` cannot be had. */
export function connectFailure(url: string, error: Error): BrokerFailedError {
  if (error instanceof BrokerFailedError) return error
  return new BrokerFailedError(`Cannot connect to RabbitMQ at ${shownUrl(url)}: ${connectReason(url, error)}`, {
    cause: error,
  })
}

function connectReason(url: string, error: Error): string {
  if (error.message.startsWith(NO_VIRTUAL_HOST)) {
    return `it has no virtual host "${virtualHostOf(url)}" for this user; add it, or change the path of amqp.url (AMQP_URL).`
  }
  if (error.message.includes("ACCESS_REFUSED")) {
    return "it refuses the user name or the password; change them in amqp.url (AMQP_URL)."
  }
  if (CERTIFICATE.test(error.message)) {
    return `its certificate is not accepted (${error.message}); name your authority's file in amqp.ca_file (AMQP_CA_FILE), or change amqp.url (AMQP_URL).`
  }
  if (WRONG_PROTOCOL.test(error.message)) {
    return `what listens there does not speak ${new URL(url).protocol.slice(0, -1)} (${error.message}); change amqp.url (AMQP_URL).`
  }
  return `${reasonOf(error)}; start it, or change amqp.url (AMQP_URL).`
}

function virtualHostOf(url: string): string {
  const { pathname } = new URL(url)
  return pathname.length > 1 ? decodeURIComponent(pathname.slice(1)) : "/"
}
