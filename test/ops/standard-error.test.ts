import { describe, expect, test } from "bun:test"
import { MAX_WAITING_CHARACTERS, TextOutput, type TextWriter } from "../../src/ops/standard-error.ts"

/** A file that takes text at once until it is stuck. */
class FakeFile implements TextWriter {
  readonly taken: string[] = []
  #stuck: PromiseWithResolvers<void> | null = null

  write(text: string): number | Promise<number> {
    this.taken.push(text)
    return this.#stuck === null ? text.length : this.#stuck.promise.then(() => text.length)
  }

  flush(): number {
    return 0
  }

  stick(): void {
    this.#stuck = Promise.withResolvers()
  }

  free(): void {
    this.#stuck?.resolve()
    this.#stuck = null
  }

  leave(): void {
    this.#stuck?.reject(new Error("EPIPE"))
  }
}

describe("standard error", () => {
  test("writes at once while it is read", () => {
    const file = new FakeFile()
    const output = new TextOutput(file)
    output.write("a\n")
    output.write("b\n")
    expect(file.taken).toEqual(["a\n", "b\n"])
  })

  test("keeps the order through a reader that is stuck for a while", async () => {
    const file = new FakeFile()
    const output = new TextOutput(file)
    file.stick()
    for (const line of ["a\n", "b\n", "c\n"]) output.write(line)
    expect(file.taken).toEqual(["a\n"])
    file.free()
    await output.flush()
    output.write("d\n")
    expect(file.taken).toEqual(["a\n", "b\n", "c\n", "d\n"])
  })

  test("drops lines past its bound, and says how many", async () => {
    const file = new FakeFile()
    const output = new TextOutput(file)
    file.stick()
    output.write("first\n")
    output.write("x".repeat(MAX_WAITING_CHARACTERS))
    output.write("dropped\n")
    output.write("dropped\n")
    file.free()
    await output.flush()
    expect(file.taken).toHaveLength(3)
    expect(file.taken.at(-1)).toBe("2 lines were dropped here, because standard error was not read.\n")
  })

  test("goes on without a word when the reader has left", async () => {
    const file = new FakeFile()
    const output = new TextOutput(file)
    file.stick()
    output.write("a\n")
    output.write("b\n")
    file.leave()
    await output.flush()
    expect(file.taken).toEqual(["a\n"])
  })

  const script = `
    import { standardError } from "${import.meta.dir}/../../src/ops/standard-error.ts"
    const output = standardError()
    for (let line = 0; line < 1000; line += 1) output.write("line " + line + " ".repeat(200) + "\\n")
    await output.flush()
    console.log("alive")`

  test.each([
    ["a pipe", '"$0" -e "$1" 2> >(tail -n 1 >&2)'],
    ["a closed descriptor", '"$0" -e "$1" 2>&-'],
    ["a reader that has left", '"$0" -e "$1" 2> >(true)'],
    ["a full disk", '"$0" -e "$1" 2> /dev/full'],
  ])("does not hurt the process when it is %s", async (_, commandLine) => {
    const child = Bun.spawn(["bash", "-c", commandLine, process.execPath, script], { stdout: "pipe", stderr: "pipe" })
    const [out] = await Promise.all([child.stdout.text(), child.exited])
    expect(out).toBe("alive\n")
    expect(child.exitCode).toBe(0)
  })
})
