// Which route a path is, by its segments: a literal one before a parameter.

export interface Template {
  readonly method: string
  /** `/channels/:channel/messages`, without version: so it stands in records and counts. */
  readonly path: string
}

export type Match<R> =
  | { readonly type: "route"; readonly route: R; readonly values: readonly string[] }
  | { readonly type: "wrong-method" }
  | { readonly type: "none" }

interface Node<R> {
  readonly literals: Map<string, Node<R>>
  parameter: Node<R> | undefined
  readonly routes: Map<string, R>
}

const NONE = { type: "none" } as const
const WRONG_METHOD = { type: "wrong-method" } as const

export class RouteTable<R extends Template> {
  readonly #root: Node<R> = emptyNode()

  constructor(routes: readonly R[]) {
    for (const route of routes) {
      let node = this.#root
      for (const segment of segmentsOf(route.path)) node = descend(node, segment)
      node.routes.set(route.method, route)
    }
  }

  match(method: string, path: string): Match<R> {
    const segments = segmentsOf(path)
    const values: string[] = []
    const node = find(this.#root, segments, 0, values)
    if (node === undefined) return NONE
    // HEAD is answered as GET, without the body.
    const route = node.routes.get(method === "HEAD" ? "GET" : method)
    return route === undefined ? WRONG_METHOD : { type: "route", route, values }
  }
}

/** The names of a template's parameters, in order. */
export function parameterNames(path: string): readonly string[] {
  return segmentsOf(path)
    .filter((segment) => segment.startsWith(":"))
    .map((segment) => segment.slice(1))
}

function segmentsOf(path: string): string[] {
  return path.slice(1).split("/")
}

function descend<R>(node: Node<R>, segment: string): Node<R> {
  if (segment.startsWith(":")) {
    node.parameter ??= emptyNode()
    return node.parameter
  }
  const known = node.literals.get(segment) ?? emptyNode<R>()
  node.literals.set(segment, known)
  return known
}

function find<R>(node: Node<R>, segments: readonly string[], depth: number, values: string[]): Node<R> | undefined {
  const segment = segments[depth]
  if (segment === undefined) return node.routes.size > 0 ? node : undefined
  const literal = node.literals.get(segment)
  const found = literal && find(literal, segments, depth + 1, values)
  if (found !== undefined || node.parameter === undefined || segment === "") return found
  values.push(segment)
  const deeper = find(node.parameter, segments, depth + 1, values)
  if (deeper === undefined) values.pop()
  return deeper
}

function emptyNode<R>(): Node<R> {
  return { literals: new Map(), parameter: undefined, routes: new Map() }
}
