// A request with the route that it is for.

import type { RequestHead } from "../http/request.ts"
import type { Route } from "./route.ts"
import { type Match, parameterNames, RouteTable } from "./route-table.ts"

/** A route with what is needed of its template for every request. */
export interface PreparedRoute extends Route {
  readonly names: readonly string[]
  /** How many of its parameters, from the first, are the major parameter. */
  readonly majors: number
}

export interface Visit {
  readonly head: RequestHead
  readonly body: Buffer
  readonly match: Match<PreparedRoute>
  /** `METHOD /template`, as records, counts and limits know it. */
  readonly name: string
}

const PREFIX = "/api"
const VERSION = /^\/v\d{1,3}(?=\/)/
const UNKNOWN_ROUTE = "(unknown route)"
const MAJOR_PARAMETERS = ["channel", "guild", "webhook", "interaction"]

/** Finds the route of each request, under any version. */
export function visitor(routes: readonly Route[]): (head: RequestHead, body: Buffer) => Visit {
  const table = new RouteTable(routes.map(prepare))
  return (head, body) => {
    const path = head.path.slice(PREFIX.length).replace(VERSION, "")
    const match = table.match(head.method, path)
    return { head, body, match, name: match.type === "route" ? match.route.name : UNKNOWN_ROUTE }
  }
}

function prepare(route: Route): PreparedRoute {
  const names = parameterNames(route.path)
  const isMajor = MAJOR_PARAMETERS.includes(names[0] ?? "")
  return { ...route, names, majors: isMajor ? (names[1] === "token" ? 2 : 1) : 0 }
}
