import { describe, expect, test } from "bun:test"
import { seededRandom } from "../../../src/simulator/corpus/random.ts"
import { readMultipart } from "../../../src/simulator/rest/multipart.ts"

const TYPE = "multipart/form-data; boundary=b"

function part(head: string, body: string): string {
  return `--b\r\n${head}\r\n\r\n${body}\r\n`
}

test("fields and files are told apart, with their numbers, names and types", () => {
  const body = [
    part('Content-Disposition: form-data; name="payload_json"\r\nContent-Type: application/json', '{"é":1}'),
    part(
      'content-disposition: form-data; name="files[3]"; filename="a \\"b\\".txt"\r\ncontent-type: text/plain',
      "one\r\n-b",
    ),
    part('Content-Disposition: form-data; name="file"; filename="plain"', ""),
    "--b--\r\n",
  ].join("")
  const form = readMultipart(TYPE, Buffer.from(body))
  expect(form?.fields.get("payload_json")).toBe('{"é":1}')
  expect(form?.files.map(({ bytes, ...file }) => ({ ...file, text: bytes.toString() }))).toEqual([
    { index: 3, filename: 'a "b".txt', contentType: "text/plain", text: "one\r\n-b" },
    { index: 0, filename: "plain", contentType: "application/octet-stream", text: "" },
  ])
})

describe("is not multipart:", () => {
  test.each([
    ["no boundary", "multipart/form-data", "--b--"],
    ["another boundary", TYPE, "--c\r\n\r\n--c--"],
    ["no end", TYPE, part('Content-Disposition: form-data; name="a"', "x")],
    ["a part without a name", TYPE, `${part("Content-Disposition: form-data", "x")}--b--`],
    ["a part without an empty line", TYPE, '--b\r\nContent-Disposition: form-data; name="a"\r\n--b--'],
    [
      "more parts than anybody sends",
      TYPE,
      `${part('Content-Disposition: form-data; name="a"', "x").repeat(101)}--b--`,
    ],
  ])("%s", (_, type, body) => {
    expect(readMultipart(type, Buffer.from(body))).toBeUndefined()
  })
})

test("what is spoilt anywhere is read or refused, and never throws", () => {
  const random = seededRandom(1)
  const whole = Buffer.from(
    `${part('Content-Disposition: form-data; name="files[0]"; filename="f"', "bytes")}--b--\r\n`,
  )
  for (let round = 0; round < 2_000; round++) {
    const spoilt = Buffer.from(whole.subarray(0, random.between(0, whole.length)))
    if (spoilt.length > 0) spoilt[random.below(spoilt.length)] = random.below(256)
    expect(() => readMultipart(TYPE, spoilt)).not.toThrow()
  }
})
