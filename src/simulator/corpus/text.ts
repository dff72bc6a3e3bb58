// What people write: names and messages with accents, other scripts, emoji, quotes, line breaks, code blocks, mentions.

import type { Random } from "./random.ts"

const WORDS = (
  "the a to of and in is it you that was for on are with as they at be this have from or one had by but not what all were " +
  "when we there can an your which their said if do will each about how up out them then she many some so these would into " +
  "has more two like him see time could no make than first been its who now people my made over did down only way find use " +
  "may water long little very after words called just where most know server channel raid stream patch ping update lol bot"
).split(" ")

const SPICE = [
  "café",
  "naïve",
  "über",
  "señor",
  "Привет",
  "мир",
  "こんにちは",
  "世界",
  "안녕하세요",
  "你好",
  "مرحبا",
  "שלום",
  "Ελλάδα",
  "ไทย",
  "👍",
  "😂",
  "🔥",
  "👩‍👩‍👧‍👦",
  "🏳️‍🌈",
  "❤️",
  "🇩🇪",
  "𝓯𝓪𝓷𝓬𝔂",
  "…",
  "—",
  "“quoted”",
  '"quoted"',
  "it's",
  "C:\\temp\\log.txt",
  "a/b",
  "<:pepe:612345678901234567>",
  "<a:party:712345678901234567>",
  "||spoiler||",
  "**bold**",
  "`x => x`",
  "<t:1785542400:R>",
] as const

const BLOCKS = [
  '```ts\nconst answer: number = 42\nconsole.log("answer\\t", answer)\n```',
  "> quoted line\n> another one\n\nand the reply",
  "1. first\n2. second\n3. third",
  "https://example.com/watch?v=dQw4w9WgXcQ&t=42s",
  "tab\tseparated\tvalues\u0007",
] as const

const NAMES = [
  "alice",
  "bob",
  "Zoë",
  "Łukasz",
  "Mario",
  "ninja",
  "xX_Slayer_Xx",
  "夜桜",
  "Дмитрий",
  "moon🌙",
  "nebula",
  "Søren",
  "O'Brien",
  "captain",
  "pixel",
  'the "real" one',
  "quark",
  "ghost",
  "jörg",
  "fox",
] as const

/** About `wordCount` words. */
export function sentence(random: Random, wordCount: number): string {
  const parts: string[] = []
  for (let i = 0; i < wordCount; i++) parts.push(random.chance(0.08) ? random.pick(SPICE) : random.pick(WORDS))
  return parts.join(" ")
}

/** A message's content: mostly short, now and then long or with a block. At most 2,000 characters. */
export function messageContent(random: Random): string {
  const length = random.next()
  const words = length < 0.75 ? random.between(1, 14) : length < 0.95 ? random.between(15, 60) : random.between(80, 300)
  const text = sentence(random, words)
  return (random.chance(0.1) ? `${text}\n${random.pick(BLOCKS)}` : text).slice(0, 1990)
}

export function displayName(random: Random): string {
  return random.chance(0.5) ? random.pick(NAMES) : `${random.pick(NAMES)} ${random.pick(NAMES)}`
}

/** A user name: lower case letters, digits, dots and underscores, unique enough. */
export function userName(random: Random): string {
  return `${random.pick(WORDS)}${random.chance(0.5) ? "." : "_"}${random.token(random.between(3, 10))}`
}

export function channelName(random: Random): string {
  return `${random.pick(WORDS)}-${random.chance(0.2) ? random.pick(SPICE.slice(0, 8)) : random.pick(WORDS)}`
}
