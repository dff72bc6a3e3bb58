// URLs as they may be printed: without the password.

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i
const QUERY_PASSWORD = /([?&](?:\w*password|auth|token)=)[^&#]*/gi

/**
 * The same URL with `***` for its password. Works on text that is no valid URL too, and then hides too much rather than
 * too little: everything between the first colon and the last `@`.
 */
export function hideUrlPassword(text: string): string {
  const start = SCHEME.exec(text)?.[0].length ?? 0
  const end = text.lastIndexOf("@")
  const colon = text.indexOf(":", start)
  const hidden = colon !== -1 && colon < end ? `${text.slice(0, colon)}:***${text.slice(end)}` : text
  return hidden.replace(QUERY_PASSWORD, "$1***")
}
