// Links in the documentation lead somewhere: to a file of the project, and to a heading that its page has.

import { expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import { PAGES, ROOT } from "./code-blocks.ts"

const ANYWHERE_ELSE = /^[a-z]+:/

test.each(PAGES.map((page) => [page]))("every link of %s leads somewhere", (page) => {
  const broken = linksOf(page).filter((link) => !leadsSomewhere(page, link))
  expect(broken).toEqual([])
})

test("every page of docs is linked from the README", () => {
  const linked = linksOf("README.md").map((link) => link.replace(/#.*$/, ""))
  expect(PAGES.filter((page) => page.startsWith("docs/") && !linked.includes(page))).toEqual([])
})

function linksOf(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link)
}

function leadsSomewhere(page: string, link: string): boolean {
  if (ANYWHERE_ELSE.test(link)) return URL.canParse(link)
  const [path = "", anchor] = link.split("#")
  const target = path === "" ? page : normalize(join(dirname(page), path))
  if (!existsSync(join(ROOT, target))) return false
  return anchor === undefined || anchorsOf(target).includes(anchor)
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  )
}

/** The page without its code. */
function proseOf(page: string): string {
  return readFileSync(join(ROOT, page), "utf8").replaceAll(/^ {0,3}```[\s\S]*?^ {0,3}```$/gm, "")
}
