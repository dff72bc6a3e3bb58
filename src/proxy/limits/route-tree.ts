// Finds the template of a path. Compares where it stands and takes no text out of it: for every request a handful of texts
// would be made, looked up and thrown away.

import { ROUTE_TEMPLATES } from "./route-templates.ts"

interface Node {
  /** By length and first character: nearly always one. */
  readonly literals: Map<number, Literal[]>
  parameter: Node | null
  path: string | null
  /** The template with a method before it: made once, so that a request makes no new text and its hash is known. */
  readonly templates: Map<string, string>
}

interface Literal {
  readonly name: string
  readonly node: Node
}

/** HTTP has fewer; an unusual one costs its text each time. */
const MAX_METHODS = 8
const ROOT = compiled()

/** `GET /channels/:channel/messages`; null where no template fits the path. */
export function templateOf(method: string, path: string): string | null {
  let node: Node | null = ROOT
  for (let start = 1; start <= path.length && node !== null; ) {
    const end = endOfSegment(path, start)
    node = next(node, path, start, end)
    start = end + 1
  }
  return node === null || node.path === null ? null : withMethod(node, node.path, method)
}

/** Where the segment ends that begins at `start`. */
export function endOfSegment(path: string, start: number): number {
  const end = path.indexOf("/", start)
  return end === -1 ? path.length : end
}

function next(node: Node, path: string, start: number, end: number): Node | null {
  for (const { name, node: found } of node.literals.get(shapeOf(end - start, path.charCodeAt(start))) ?? NONE) {
    if (path.startsWith(name, start)) return found
  }
  return node.parameter
}

const NONE: readonly Literal[] = []

function shapeOf(length: number, firstCode: number): number {
  return length * 65_536 + firstCode
}

function withMethod({ templates }: Node, path: string, method: string): string {
  let template = templates.get(method)
  if (template === undefined) {
    template = `${method} ${path}`
    if (templates.size < MAX_METHODS) templates.set(method, template)
  }
  return template
}

function compiled(): Node {
  const root = newNode()
  for (const path of ROUTE_TEMPLATES) {
    let node = root
    for (const segment of path.slice(1).split("/")) node = child(node, segment)
    node.path = path
  }
  return root
}

function child(node: Node, segment: string): Node {
  if (segment.startsWith(":")) {
    node.parameter ??= newNode()
    return node.parameter
  }
  const shape = shapeOf(segment.length, segment.charCodeAt(0))
  const alike = node.literals.get(shape) ?? []
  node.literals.set(shape, alike)
  const known = alike.find(({ name }) => name === segment)
  if (known !== undefined) return known.node
  const made = newNode()
  alike.push({ name: segment, node: made })
  return made
}

function newNode(): Node {
  return { literals: new Map(), parameter: null, path: null, templates: new Map() }
}
