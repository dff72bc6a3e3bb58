// What this executable was built from. scripts/build.ts puts the values in; run from its sources, there are none.

export interface Build {
  /** `5de1944`, with `+` behind it when files had changed since; null where git was not to be had. */
  readonly commit: string | null
  /** `linux-x64`, as `bun run build --target` takes it. */
  readonly target: string
}

declare const SPECTACLES_BUILD: Build

/** Undefined when run from the sources. */
export const BUILD: Build | undefined = typeof SPECTACLES_BUILD === "undefined" ? undefined : SPECTACLES_BUILD
