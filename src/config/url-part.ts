// A part of a URL as its writer meant it. A lone "%" is no escape: people paste passwords as they are.

export function decodedPart(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
