// Uploaded files, to be downloaded again. Bounded by their bytes: the oldest are forgotten.

import type { UploadedFile } from "../multipart.ts"
import type { NewId } from "./ids.ts"

const MAX_BYTES = 512 * 1024 * 1024

export interface StoredFile {
  readonly contentType: string
  readonly bytes: Buffer
}

export class Attachments {
  readonly #origin: () => string
  readonly #newId: NewId
  readonly #files = new Map<string, StoredFile>()
  #bytes = 0

  /** @param origin where files can be downloaded: `http://127.0.0.1:7040` */
  constructor(origin: () => string, newId: NewId) {
    this.#origin = origin
    this.#newId = newId
  }

  /** Keeps the file; the attachment object of a message. */
  store(channelId: string, { filename, contentType, bytes }: UploadedFile, description: string | undefined): object {
    const id = this.#newId()
    const path = `/attachments/${channelId}/${id}/${encodeURIComponent(filename)}`
    // Its own bytes: the upload's buffer holds the whole request.
    this.#files.set(path, { contentType, bytes: Buffer.from(bytes) })
    this.#bytes += bytes.length
    for (const [oldest, file] of this.#files) {
      if (this.#bytes <= MAX_BYTES) break
      this.#files.delete(oldest)
      this.#bytes -= file.bytes.length
    }
    const url = this.#origin() + path
    return {
      id,
      filename,
      size: bytes.length,
      url,
      proxy_url: url,
      content_type: contentType,
      ...(description === undefined ? {} : { description }),
    }
  }

  /** By the path of its URL. */
  find(path: string): StoredFile | undefined {
    return this.#files.get(path)
  }
}
