// The kinds of values that settings have. Each schema takes what TOML holds and also the text of an environment variable,
// so that one rule serves both. Its messages continue the sentence "broker.group …".

import { z } from "zod"
import { MAX_DURATION_MS, parseDuration } from "./duration.ts"
import { hideTokens, Secret } from "./secret.ts"
import { hideUrlPassword } from "./url-password.ts"

const MAX_SHOWN_LENGTH = 60

/** How a value that was found is shown in a problem. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(hideTokens(value)) : plain(value)
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text
}

function plain(value: unknown): string {
  if (Array.isArray(value)) return "a list"
  if (value instanceof Date) return "a date"
  return typeof value === "object" && value !== null ? "a table" : String(value)
}

/** The error of a zod check: `is "fast": write …`. */
export function wrong(right: string): { readonly error: (issue: { readonly input?: unknown }) => string } {
  return { error: ({ input }) => `is ${shown(input)}: ${right}` }
}

/** A schema made of one parsing function that gives undefined for what it cannot take. */
export function parsed<T>(right: string, parse: (value: unknown) => T | undefined): z.ZodType<T> {
  return z.unknown().transform((input, context) => {
    const value = parse(input)
    if (value !== undefined) return value
    context.issues.push({ code: "custom", message: `is ${shown(input)}: ${right}`, input })
    return z.NEVER
  })
}

export function text(right: string): z.ZodType<string> {
  return z.string(wrong(right)).trim().min(1, wrong(right))
}

/** One of a few words; `synonyms` are further spellings of them. */
export function choice<const T extends string>(
  words: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
): z.ZodType<T> {
  return parsed(`write one of ${words.map((word) => `"${word}"`).join(", ")}.`, (value) => {
    if (typeof value !== "string") return undefined
    const word = value.trim()
    return words.find((one) => one === word) ?? (Object.hasOwn(synonyms, word) ? synonyms[word] : undefined)
  })
}

export function integer(min: number, max: number): z.ZodType<number> {
  return parsed(`write a whole number from ${min} to ${max}.`, (value) => {
    const number = typeof value === "string" && /^\s*\d+\s*$/.test(value) ? Number(value) : value
    return typeof number === "number" && Number.isInteger(number) && number >= min && number <= max ? number : undefined
  })
}

export function decimal(min: number, max: number): z.ZodType<number> {
  return parsed(`write a number from ${min} to ${max}.`, (value) => {
    const number = typeof value === "string" && /^\s*\d*\.?\d+\s*$/.test(value) ? Number(value) : value
    return typeof number === "number" && number >= min && number <= max ? number : undefined
  })
}

/** Whole milliseconds, at least one. */
export function duration(): z.ZodType<number> {
  return parsed('write a duration from 1ms to 24d, such as "500ms", "2m", "2min" or "1h30m".', (value) => {
    const durationMs = typeof value === "string" ? parseDuration(value) : undefined
    return durationMs !== undefined && durationMs >= 1 && durationMs <= MAX_DURATION_MS ? durationMs : undefined
  })
}

/** A text that is never shown, not even in the problem with it. */
export function secret(minLength: number): z.ZodType<Secret> {
  return z.unknown().transform((input, context) => {
    const given = typeof input === "string" ? input.trim() : ""
    if (given.length >= minLength) return new Secret(given)
    context.issues.push({
      code: "custom",
      message: `is too short or no text: write at least ${minLength} characters.`,
      input: undefined,
    })
    return z.NEVER
  })
}

/** A TOML array, or text with commas, of which each part follows `member`. Empty parts of text are left out. */
export function list<T>(member: z.ZodType<T>, right: string): z.ZodType<T[]> {
  return z.preprocess(
    (value) => (typeof value === "string" ? commaSeparated(value) : value),
    z.array(member, wrong(right)),
  )
}

export function commaSeparated(value: string): string[] {
  return value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
}

/** A URL of one of `schemes`. One that lacks its scheme, such as `localhost:6379`, gets the first. */
export function serviceUrl(schemes: readonly [string, ...string[]], example: string): z.ZodType<Secret> {
  const right = `write a URL such as "${example}".`
  return z.unknown().transform((input, context) => {
    const given = typeof input === "string" ? input.trim() : ""
    const url = given.includes("://") ? given : `${schemes[0]}://${given}`
    const { protocol, hostname } = URL.canParse(url) ? new URL(url) : { protocol: "", hostname: "" }
    if (given !== "" && hostname !== "" && schemes.some((scheme) => protocol === `${scheme}:`)) return Secret.url(url)
    const found = typeof input === "string" ? hideUrlPassword(input) : input
    context.issues.push({ code: "custom", message: `is ${shown(found)}: ${right}`, input: undefined })
    return z.NEVER
  })
}
