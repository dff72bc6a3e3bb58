// The code blocks of the documentation, for the tests that run, type-check or read each of them.

import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"

export const ROOT = join(import.meta.dir, "../..")

export interface CodeBlock {
  readonly page: string
  /** Of its first line, from 1. */
  readonly line: number
  /** As written behind the fence; empty without one. */
  readonly language: string
  readonly text: string
}

/** Pages that users read. CHANGELOG.md and BENCHMARKS.md hold no code. */
export const PAGES: readonly string[] = globSync(["*.md", "docs/*.md", "deploy/**/*.md", "examples/*.md"], {
  cwd: ROOT,
}).sort()

export const BLOCKS: readonly CodeBlock[] = PAGES.flatMap((page) => blocksOf(page))

function blocksOf(page: string): CodeBlock[] {
  const lines = readFileSync(join(ROOT, page), "utf8").split("\n")
  const blocks: CodeBlock[] = []
  for (let index = 0; index < lines.length; index += 1) {
    const fence = /^ {0,3}```(\S*)$/.exec(lines[index] ?? "")
    if (fence === null) continue
    const end = lines.findIndex((line, at) => at > index && /^ {0,3}```$/.test(line))
    if (end === -1) throw new Error(`${page}:${index + 1}: the code block does not end.`)
    const text = lines.slice(index + 1, end).join("\n")
    blocks.push({ page, line: index + 2, language: fence[1] ?? "", text })
    index = end
  }
  return blocks
}

/** The blocks of one language, as `test.each` takes them. */
export function blocksIn(...languages: readonly string[]): readonly (readonly [string, CodeBlock])[] {
  return BLOCKS.filter(({ language }) => languages.includes(language)).map((block) => [
    `${block.page}:${block.line}`,
    block,
  ])
}
