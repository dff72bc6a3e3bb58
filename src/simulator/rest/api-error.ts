// Discord's refusals: a status, a code of its own, and what is wrong with each field.
// Source: Discord's documentation, Opcodes and Status Codes › JSON; API Reference › Error Messages.

/** `errors` as Discord nests it: by field, then `_errors`. */
export class ApiError extends Error {
  override readonly name = "ApiError"
  readonly status: number
  readonly code: number
  readonly errors: object | undefined

  constructor(status: number, code: number, message: string, errors?: object) {
    super(message)
    this.status = status
    this.code = code
    this.errors = errors
  }

  json(): string {
    const { message, code, errors } = this
    return JSON.stringify(errors === undefined ? { message, code } : { message, code, errors })
  }
}

const UNKNOWN = {
  channel: [10003, "Unknown Channel"],
  guild: [10004, "Unknown Guild"],
  member: [10007, "Unknown Member"],
  message: [10008, "Unknown Message"],
  role: [10011, "Unknown Role"],
  user: [10013, "Unknown User"],
  emoji: [10014, "Unknown Emoji"],
  webhook: [10015, "Unknown Webhook"],
  ban: [10026, "Unknown Ban"],
  interaction: [10062, "Unknown interaction"],
  command: [10063, "Unknown application command"],
} as const satisfies Readonly<Record<string, readonly [number, string]>>

export type Resource = keyof typeof UNKNOWN

/** The 404 of a resource that is not there. */
export function unknown(resource: Resource): ApiError {
  const [code, message] = UNKNOWN[resource]
  return new ApiError(404, code, message)
}

export const unauthorized = () => new ApiError(401, 0, "401: Unauthorized")
export const noSuchRoute = () => new ApiError(404, 0, "404: Not Found")
export const wrongMethod = () => new ApiError(405, 0, "405: Method Not Allowed")
export const missingPermissions = () => new ApiError(403, 50013, "Missing Permissions")
export const missingAccess = () => new ApiError(403, 50001, "Missing Access")
export const emptyMessage = () => new ApiError(400, 50006, "Cannot send an empty message")
export const notYourMessage = () => new ApiError(403, 50005, "Cannot edit a message authored by another user")
export const notTextChannel = () => new ApiError(400, 50008, "Cannot send messages in a non-text channel")
export const invalidRole = () => new ApiError(400, 50028, "Invalid Role")
export const invalidWebhookToken = () => new ApiError(401, 50027, "Invalid Webhook Token")
export const alreadyAcknowledged = () => new ApiError(400, 40060, "Interaction has already been acknowledged.")
export const tooLarge = () => new ApiError(413, 40005, "Request entity too large")
export const invalidJson = () => new ApiError(400, 50109, "The request body contains invalid JSON.")

/** 50035 for one field. `path`: `["embeds", 0, "title"]`. */
export function invalidField(path: readonly PropertyKey[], code: string, message: string): ApiError {
  return invalidForm([{ path, code, message }])
}

export interface FieldFault {
  readonly path: readonly PropertyKey[]
  readonly code: string
  readonly message: string
}

export function invalidForm(faults: readonly FieldFault[]): ApiError {
  const errors: Nested = {}
  for (const { path, code, message } of faults) {
    let place = errors
    for (const key of path) {
      const name = String(key)
      const inner = Object.hasOwn(place, name) ? place[name] : undefined
      const next = inner === undefined || Array.isArray(inner) ? {} : inner
      place[name] = next
      place = next
    }
    const known = place["_errors"]
    place["_errors"] = [...(Array.isArray(known) ? known : []), { code, message }]
  }
  return new ApiError(400, 50035, "Invalid Form Body", errors)
}

interface Nested {
  [field: string]: Nested | object[]
}
