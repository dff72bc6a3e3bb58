// What a route answers: a status and JSON, or nothing.

export interface Answer {
  readonly status: number
  readonly json: string | null
}

const texts = new WeakMap<object, string>()

/** 200 with a value that may be different the next time. */
export function ok(value: unknown, status = 200): Answer {
  return { status, json: JSON.stringify(value) }
}

/** 200 with a value that never changes: its JSON is made once. */
export function okFrozen(value: object): Answer {
  let json = texts.get(value)
  if (json === undefined) {
    json = JSON.stringify(value)
    texts.set(value, json)
  }
  return { status: 200, json }
}

export const NOTHING: Answer = { status: 204, json: null }
