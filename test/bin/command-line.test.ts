import { describe, expect, test } from "bun:test"
import { painter } from "../../src/bin/colour.ts"
import { type CommandLine, helpText, readArguments, wholeNumber } from "../../src/bin/command-line.ts"

const LINE = {
  name: "brew",
  about: "Makes coffee.",
  flags: {
    cups: { type: "string", value: "N", help: "how many (1)" },
    size: { type: "string", value: "SIZE", help: "small or large", choices: ["small", "large"] },
    decaf: { type: "boolean", help: "without" },
  },
  argument: { name: "bean", choices: ["arabica", "robusta"] },
  examples: [{ what: "for two", line: "spectacles brew arabica --cups 2" }],
} as const satisfies CommandLine

describe("readArguments", () => {
  test("reads flags in both spellings, and the one word", () => {
    const { flags, argument } = readArguments(LINE, ["--cups", "2", "arabica", "--size=large", "--decaf", "-h"])
    expect([flags, argument]).toEqual([{ cups: "2", size: "large", decaf: true, help: true }, "arabica"])
  })

  test("takes the last of a flag that is given twice", () => {
    expect(readArguments(LINE, ["--cups", "2", "--cups", "3"]).flags.cups).toBe("3")
  })

  test("takes flags with one dash too, as the original gateway does", () => {
    const { flags } = readArguments(LINE, ["-cups", "2", "-size=large", "-decaf", "-h"])
    expect(flags).toEqual({ cups: "2", size: "large", decaf: true, help: true })
  })

  const mistakes: readonly (readonly [readonly string[], string])[] = [
    [["--cup", "2"], "it has no flag --cup. Did you mean --cups?"],
    [["--dceaf"], "it has no flag --dceaf. Did you mean --decaf?"],
    [["-dceaf"], "it has no flag --dceaf. Did you mean --decaf?"],
    [["-x"], "it has no flag -x."],
    [["--cups"], "--cups needs a value, N."],
    [["--cups", "--decaf"], "--cups needs a value, N."],
    [["--decaf=yes"], '--decaf takes no value, and it was given "yes".'],
    [["--size", "smal"], '--size is "smal" and takes small, large. Did you mean small?'],
    [["arabika"], 'its bean is arabica or robusta, and not "arabika". Did you mean arabica?'],
    [["arabica", "robusta"], '"robusta" is one word too many.'],
  ]
  test.each(mistakes)("#36 finds the mistake in %p and says what was probably meant", (args, sentence) => {
    expect(() => readArguments(LINE, args)).toThrow(
      `Cannot run spectacles brew: ${sentence} See spectacles brew --help.`,
    )
  })

  test("#36 takes no word where none is wanted", () => {
    const { argument: _, ...line } = LINE
    expect(() => readArguments(line, ["arabica"])).toThrow('it takes flags alone, and was given "arabica"')
  })
})

test("wholeNumber holds a number against its bounds", () => {
  expect(wholeNumber("cups", undefined, 1, 9)).toBeUndefined()
  expect(wholeNumber("cups", "9", 1, 9)).toBe(9)
  for (const text of ["10", "0", "-1", "1.5", "", "two"]) {
    expect(() => wholeNumber("cups", text, 1, 9)).toThrow(`Cannot use --cups ${text}: it must be a whole number from 1`)
  }
})

describe("helpText", () => {
  test("shows usage, flags and examples", () => {
    expect(helpText(LINE, painter(false))).toBe(`Usage: spectacles brew arabica|robusta [options]

Makes coffee.

Options:
  --cups N     how many (1)
  --size SIZE  small or large
  --decaf      without
  --version    the version, what it was built from, and which codec runs
  --help       this text

Example:
  # for two
  spectacles brew arabica --cups 2
`)
  })

  test("is coloured where colour is wanted", () => {
    expect(helpText(LINE, painter(true))).toStartWith("\x1b[1mUsage:\x1b[22m spectacles")
  })
})
