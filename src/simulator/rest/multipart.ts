// Reads multipart/form-data: `files[n]` and `payload_json`, as Discord takes uploads.
// Source: RFC 7578; Discord's documentation, API Reference › Uploading Files.

export interface UploadedFile {
  /** The number in `files[n]`; `file` counts as 0. */
  readonly index: number
  readonly filename: string
  readonly contentType: string
  readonly bytes: Buffer
}

export interface Multipart {
  readonly fields: ReadonlyMap<string, string>
  readonly files: readonly UploadedFile[]
}

const HEAD_END = "\r\n\r\n"
/** Discord takes ten files; a form has few fields beside them. */
const MAX_PARTS = 100

/** Undefined when it is not what its Content-Type says. */
export function readMultipart(contentType: string, body: Buffer): Multipart | undefined {
  const [, quoted, plain] = /boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined) return undefined
  const delimiter = Buffer.from(`--${boundary}`)
  const fields = new Map<string, string>()
  const files: UploadedFile[] = []
  let at = body.indexOf(delimiter)
  for (let parts = 0; at !== -1; parts++) {
    const start = at + delimiter.length
    if (body.toString("latin1", start, start + 2) === "--") return { fields, files }
    const end = body.indexOf(`\r\n--${boundary}`, start)
    const headEnd = body.indexOf(HEAD_END, start)
    if (end === -1 || headEnd === -1 || headEnd > end || parts >= MAX_PARTS) return undefined
    const part = readPart(body.toString("utf8", start, headEnd), body.subarray(headEnd + HEAD_END.length, end))
    if (part === undefined) return undefined
    if ("bytes" in part) files.push(part)
    else fields.set(part.name, part.text)
    at = end + 2
  }
  return undefined
}

function readPart(
  head: string,
  bytes: Buffer,
): UploadedFile | { readonly name: string; readonly text: string } | undefined {
  const disposition = /^content-disposition:(.*)$/im.exec(head)?.[1] ?? ""
  const name = /;\s*name="([^"]*)"/i.exec(disposition)?.[1]
  const filename = /;\s*filename="((?:[^"\\]|\\.)*)"/i.exec(disposition)?.[1]
  if (name === undefined) return undefined
  if (filename === undefined) return { name, text: bytes.toString("utf8") }
  const contentType = /^content-type:\s*(.*?)\s*$/im.exec(head)?.[1] ?? "application/octet-stream"
  const index = Number(/^files\[(\d{1,3})\]$/.exec(name)?.[1] ?? 0)
  return { index, filename: unquoted(filename), contentType, bytes }
}

/** A quote comes with a backslash from some clients, as %22 from those that do as browsers do. */
function unquoted(text: string): string {
  return text.replace(/\\(.)/g, "$1").replace(/%22/g, '"')
}
