import { expect, test } from "bun:test"
import { parameterNames, RouteTable } from "../../../src/simulator/rest/route-table.ts"

const table = new RouteTable(
  [
    "GET /users/@me",
    "GET /users/:user",
    "POST /channels/:channel/messages/bulk-delete",
    "GET /channels/:channel/messages/:message",
  ].map((name) => {
    const [method = "", path = ""] = name.split(" ")
    return { method, path, name }
  }),
)

test.each([
  ["GET", "/users/@me", "GET /users/@me", []],
  ["HEAD", "/users/@me", "GET /users/@me", []],
  ["GET", "/users/1", "GET /users/:user", ["1"]],
  ["GET", "/channels/1/messages/2", "GET /channels/:channel/messages/:message", ["1", "2"]],
  ["POST", "/channels/1/messages/bulk-delete", "POST /channels/:channel/messages/bulk-delete", ["1"]],
])("%s %s is the route %s", (method, path, name, values) => {
  expect(table.match(method, path)).toMatchObject({ type: "route", route: { name }, values })
})

test.each([
  ["GET", "/"],
  ["GET", "/users"],
  ["GET", "/users/"],
  ["GET", "/users/1/"],
  ["GET", "/channels//messages/2"],
  ["GET", "/channels/1/messages/2/3"],
])("%s %s is none", (method, path) => {
  expect(table.match(method, path)).toEqual({ type: "none" })
})

test("a path that has other methods says so", () => {
  expect(table.match("PUT", "/users/1")).toEqual({ type: "wrong-method" })
})

test("parameters have their names in order", () => {
  expect(parameterNames("/channels/:channel/messages/:message")).toEqual(["channel", "message"])
})
