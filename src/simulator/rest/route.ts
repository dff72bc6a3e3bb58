// A route: its template, who may use it, and what it does.

import type { Answer } from "./answer.ts"
import type { Call } from "./call.ts"
import type { RestContext } from "./context.ts"
import type { Template } from "./route-table.ts"

/** `open`: no Authorization is needed, the path itself holds a secret or there is none. */
export type Access = "bot" | "open"

export interface Route extends Template {
  /** `GET /channels/:channel` */
  readonly name: string
  readonly access: Access
  /** @throws ApiError */
  readonly run: (call: Call, context: RestContext) => Answer
}

/** @param name `METHOD /template` */
export function route(name: string, run: Route["run"], access: Access = "bot"): Route {
  const [method = "", path = ""] = name.split(" ")
  return { name, method, path, access, run }
}
