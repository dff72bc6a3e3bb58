import { expect, test } from "bun:test"
import { codecFinding, openFilesFinding, openFilesLimit } from "../../../src/bin/doctor/machine.ts"
import { portableCodec } from "../../../src/codec/portable/codec.ts"

test("reads how many files may be open where Linux says it", () => {
  expect(
    openFilesLimit(
      () => "Max processes  1  1\nMax open files            1024                 524288               files",
    ),
  ).toBe(1024)
  expect(openFilesLimit(() => "Max open files            unlimited            unlimited            files")).toBe(
    Number.POSITIVE_INFINITY,
  )
  expect(
    openFilesLimit(() => {
      throw new Error("ENOENT")
    }),
  ).toBeUndefined()
})

test("warns of too few open files", () => {
  expect(openFilesFinding(1024)).toMatchObject({ verdict: "warn", says: "up to 1,024" })
  expect(openFilesFinding(4096).verdict).toBe("ok")
  expect(openFilesFinding(Number.POSITIVE_INFINITY)).toMatchObject({ verdict: "ok", says: "unlimited" })
})

test("warns of the portable codec, with the reason", () => {
  expect(codecFinding(portableCodec("the addon is gone."), false)).toMatchObject({
    verdict: "warn",
    says: "portable (the addon is gone.)",
  })
  expect(codecFinding(portableCodec(), true)).toMatchObject({
    verdict: "warn",
    says: "portable, by codec in the configuration",
  })
})
