// The machines that executables are built for, and what Bun and Rust call them.

export interface Target {
  /** As `--target` takes it, and as the executable's file and `--version` say it. */
  readonly name: string
  readonly bun: Bun.Build.CompileTarget
  /** What `cargo build --target` takes, where another machine can build the native codec for it. */
  readonly rust?: string
}

export const TARGETS: readonly Target[] = [
  { name: "linux-x64", bun: "bun-linux-x64", rust: "x86_64-unknown-linux-gnu" },
  { name: "linux-arm64", bun: "bun-linux-arm64", rust: "aarch64-unknown-linux-gnu" },
  { name: "linux-x64-musl", bun: "bun-linux-x64-musl", rust: "x86_64-unknown-linux-musl" },
  { name: "linux-arm64-musl", bun: "bun-linux-arm64-musl", rust: "aarch64-unknown-linux-musl" },
  { name: "darwin-x64", bun: "bun-darwin-x64" },
  { name: "darwin-arm64", bun: "bun-darwin-arm64" },
  { name: "windows-x64", bun: "bun-windows-x64" },
]

/** This machine. @throws Error when executables are not built for its kind. */
export function hostTarget(): Target {
  const system = process.platform === "win32" ? "windows" : process.platform
  const isMusl = system === "linux" && isMuslLinux()
  return targetNamed(`${system}-${process.arch}${isMusl ? "-musl" : ""}`)
}

/** @throws Error that lists the names when there is none such. */
export function targetNamed(name: string): Target {
  const found = TARGETS.find((target) => target.name === name)
  if (found !== undefined) return found
  throw new Error(`Cannot build for ${name}: the targets are ${TARGETS.map((target) => target.name).join(", ")}.`)
}

/** Node's own way to tell the C libraries apart. */
function isMuslLinux(): boolean {
  const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime === undefined
}
