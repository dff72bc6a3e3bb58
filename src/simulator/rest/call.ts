// One REST request as a route sees it: its parameters, query, body and files, checked where they are read.

import type { z } from "zod"
import { isSnowflake } from "../../discord/snowflake.ts"
import type { RequestHead } from "../http/request.ts"
import { type FieldFault, invalidField, invalidForm, invalidJson } from "./api-error.ts"
import { readMultipart, type UploadedFile } from "./multipart.ts"

interface Form {
  readonly json: unknown
  readonly files: readonly UploadedFile[]
}

export class Call {
  readonly head: RequestHead
  readonly body: Buffer
  readonly #names: readonly string[]
  readonly #values: readonly string[]
  #form: Form | undefined
  #query: URLSearchParams | undefined

  constructor(head: RequestHead, body: Buffer, names: readonly string[], values: readonly string[]) {
    this.head = head
    this.body = body
    this.#names = names
    this.#values = values
  }

  /** A parameter of the path that must be a snowflake. */
  id(name: string): string {
    const value = this.#value(name)
    if (isSnowflake(value)) return value
    throw invalidField([`${name}_id`], "NUMBER_TYPE_COERCE", `Value "${value}" is not snowflake.`)
  }

  /** A parameter of the path as text, without its percent encoding. */
  text(name: string): string {
    return decoded(this.#value(name))
  }

  query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.head.search)
    return this.#query
  }

  /** X-Audit-Log-Reason, without its percent encoding. */
  reason(): string | null {
    const reason = this.head.headers.get("x-audit-log-reason")
    return reason === undefined ? null : decoded(reason)
  }

  files(): readonly UploadedFile[] {
    return this.#read().files
  }

  /** The body's JSON as it is, undefined when there is none or it is broken: for limits, which come before checks. */
  peek(): unknown {
    try {
      return this.#read().json
    } catch {
      return undefined
    }
  }

  /** @throws ApiError 50109 or 50035 */
  json<T extends z.ZodType>(schema: T): z.output<T> {
    return check(schema, this.#read().json ?? {}, [])
  }

  /** The query's keys, repeated ones as lists. @throws ApiError 50035 */
  parameters<T extends z.ZodType>(schema: T): z.output<T> {
    const values: Record<string, string | string[]> = {}
    for (const key of new Set(this.query().keys())) {
      const all = this.query().getAll(key)
      values[key] = all.length === 1 ? (all[0] ?? "") : all
    }
    return check(schema, values, [])
  }

  #value(name: string): string {
    const value = this.#values[this.#names.indexOf(name)]
    if (value === undefined) throw new RangeError(`The route has no parameter "${name}".`)
    return value
  }

  #read(): Form {
    this.#form ??= readForm(this.head.headers.get("content-type") ?? "", this.body)
    return this.#form
  }
}

/** As it is, where its percent encoding is none. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function readForm(contentType: string, body: Buffer): Form {
  if (body.length === 0) return { json: undefined, files: [] }
  if (contentType.toLowerCase().startsWith("multipart/form-data")) {
    const form = readMultipart(contentType, body)
    if (form === undefined) throw invalidJson()
    const payload = form.fields.get("payload_json")
    return { json: payload === undefined ? Object.fromEntries(form.fields) : parse(payload), files: form.files }
  }
  if (!contentType.toLowerCase().startsWith("application/json"))
    throw invalidField([], "CONTENT_TYPE_INVALID", 'Expected "Content-Type" header to be one of {"application/json"}.')
  return { json: parse(body.toString("utf8")), files: [] }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalidJson()
  }
}

function check<T extends z.ZodType>(schema: T, value: unknown, path: readonly string[]): z.output<T> {
  const parsed = schema.safeParse(value, { reportInput: true })
  if (parsed.success) return parsed.data
  throw invalidForm(parsed.error.issues.map((issue) => fault(issue, path)))
}

/** Zod's issue in Discord's words. */
function fault(issue: z.core.$ZodIssue, path: readonly PropertyKey[]): FieldFault {
  const place = [...path, ...issue.path]
  switch (issue.code) {
    case "too_big":
      return issue.origin === "string" || issue.origin === "array"
        ? { path: place, code: "BASE_TYPE_MAX_LENGTH", message: `Must be ${issue.maximum} or fewer in length.` }
        : { path: place, code: "NUMBER_TYPE_MAX", message: `Value should be less than or equal to ${issue.maximum}.` }
    case "too_small":
      return issue.origin === "string" || issue.origin === "array"
        ? { path: place, code: "BASE_TYPE_MIN_LENGTH", message: `Must be ${issue.minimum} or more in length.` }
        : {
            path: place,
            code: "NUMBER_TYPE_MIN",
            message: `Value should be greater than or equal to ${issue.minimum}.`,
          }
    case "invalid_type":
      return issue.input === undefined
        ? { path: place, code: "BASE_TYPE_REQUIRED", message: "This field is required" }
        : { path: place, code: "BASE_TYPE_BAD_TYPE", message: `Must be of the type ${issue.expected}.` }
    default:
      return { path: place, code: "BASE_TYPE_CHOICES", message: issue.message }
  }
}
