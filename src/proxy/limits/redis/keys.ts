// The keys of the limits in Redis. Those of one token share a hash tag, so that one script finds them on one server of a
// cluster. Tokens are digests here, as everywhere.

const PREFIX = "spectacles:limits"

/** Instances hear here that a bucket of a token has changed, or that the address is banned. */
export const CHANNEL = PREFIX

export const INSTANCES_KEY = `${PREFIX}:{instances}`

export function addressKey(address: string): string {
  return `${PREFIX}:{instances}:address:${address}`
}

export interface TokenKeys {
  readonly token: string
  readonly places: string
  readonly routes: string
  lane(template: string, major: string): string
  bucket(name: string, major: string): string
}

export function tokenKeys(identity: string): TokenKeys {
  const token = `${PREFIX}:{${identity === "" ? "none" : identity}}`
  return {
    token,
    places: `${token}:places`,
    routes: `${token}:routes`,
    lane: (template, major) => `${token}:lane:${template} ${major}`,
    bucket: (name, major) => `${token}:bucket:${name} ${major}`,
  }
}
