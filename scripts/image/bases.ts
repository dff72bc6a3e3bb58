// The Dockerfile's base images where no registry can be reached: Debian by debootstrap, and this machine's own Bun and Rust
// in it. They stand in for debian:12-slim, oven/bun and rust:slim, and are kept until their folder is deleted.

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { buildah, run } from "./buildah.ts"

export const BASES = {
  debian: "localhost/spectacles-base/debian",
  bun: "localhost/spectacles-base/bun",
  rust: "localhost/spectacles-base/rust",
  libraries: "localhost/spectacles-base/libraries",
} as const

const RELEASE = "bookworm"
/** This machine's: a registry behind a proxy may be signed by an authority of its own. */
const AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
const TRUST = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "CARGO_HTTP_CAINFO"].map((name) => `ENV ${name}=${AUTHORITIES}`)
/** What Bun and the native codec are linked with. */
const LIBRARIES = ["ld-linux*", "libc.so*", "libm.so*", "libdl.so*", "libpthread.so*", "librt.so*", "libgcc_s.so*"]

/** @param folder where everything is kept. */
export async function makeBases(folder: string): Promise<void> {
  const files = join(folder, "bases")
  mkdirSync(files, { recursive: true })
  const debian = join(files, "debian")
  if (!existsSync(join(debian, "etc", "os-release"))) {
    rmSync(debian, { recursive: true, force: true })
    await run("debootstrap", ["--variant=minbase", RELEASE, debian])
  }
  const make = async (name: keyof typeof BASES, context: string, lines: readonly string[]) => {
    if ((await buildah(folder, "images", "--quiet", "--filter", `reference=${BASES[name]}`)).trim() !== "") return
    const dockerfile = join(files, `${name}.Dockerfile`)
    writeFileSync(dockerfile, `${lines.join("\n")}\n`)
    const isolation = ["--isolation", "chroot", "--network", "host", "--pull=never"]
    await buildah(folder, "bud", ...isolation, "--file", dockerfile, "--tag", BASES[name], context)
  }
  await make("debian", debian, ["FROM scratch", "COPY . /", 'CMD ["bash"]'])
  await make("libraries", await onlyLibraries(debian, join(files, "libraries")), ["FROM scratch", "COPY . /"])
  await make("bun", await only([[process.execPath, "bun"]], join(files, "bun")), [
    `FROM ${BASES.debian}`,
    "COPY bun /usr/local/bin/bun",
  ])
  await make("rust", await rust(join(files, "rust")), [
    `FROM ${BASES.debian}`,
    ...TRUST,
    "RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates gcc libc6-dev",
    "COPY sysroot /usr/local",
    `COPY authorities ${AUTHORITIES}`,
  ])
}

/** A folder that holds copies of these files, under these names. */
async function only(copies: readonly (readonly [from: string, to: string])[], folder: string): Promise<string> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const [from, to] of copies) await run("cp", ["--recursive", "--dereference", from, join(folder, to)])
  return folder
}

async function rust(folder: string): Promise<string> {
  const sysroot = (await run("rustc", ["--print", "sysroot"])).trim()
  mkdirSync(folder, { recursive: true })
  const copied = await only([[AUTHORITIES, "authorities"]], folder)
  for (const part of ["bin", "lib"]) {
    mkdirSync(join(copied, "sysroot"), { recursive: true })
    await run("cp", ["--archive", join(sysroot, part), join(copied, "sysroot", part)])
  }
  return copied
}

/** No shell, no package manager: a folder for temporary files and the libraries. */
async function onlyLibraries(debian: string, folder: string): Promise<string> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const find = `cd "$0" && find lib/ lib64/ usr/lib/ -name "ld-linux*"`
  const names = LIBRARIES.map((name) => `-o -name '${name}'`).join(" ")
  await run("sh", [
    "-c",
    `${find} ${names} | tar --create --dereference --files-from - | tar --extract -C "$1"`,
    debian,
    folder,
  ])
  await run("install", ["--directory", "--mode=1777", join(folder, "tmp")])
  return folder
}
