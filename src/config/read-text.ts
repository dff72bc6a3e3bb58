// Files that settings name: read when the configuration is, so that one that cannot be read is a problem like any other.

/** @throws when the file cannot be read. */
export type ReadText = (path: string) => string

export type FileText =
  | { readonly content: string; readonly failure?: undefined }
  | { readonly content?: undefined; readonly failure: string }

export function tryToRead(path: string, readText: ReadText): FileText {
  try {
    return { content: readText(path) }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error)
    return { failure: code }
  }
}
