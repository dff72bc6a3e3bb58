// Builds the images of the last commit without Docker and tries them: `bun scripts/image.ts`. For Debian, as root, with
// buildah, debootstrap and crun. Where Docker is, `docker build` does the first half; docs/deploy.md says what was tried.

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { BASES, makeBases } from "./image/bases.ts"
import { buildah, run } from "./image/buildah.ts"

const ROOT = join(import.meta.dir, "..")
const FOLDER = join(ROOT, ".cache", "image")
const BUNDLES = join(FOLDER, "bundles")
const TOOLS = ["buildah", "debootstrap", "crun", "redis-server"]
const ROOT_USER = 0

/** An image to build: a target of the Dockerfile, on one base for its last stage. */
const IMAGES = [
  { name: "gateway", target: "gateway", runtime: BASES.debian },
  { name: "proxy", target: "proxy", runtime: BASES.debian },
  { name: "handler", target: "handler", runtime: BASES.debian },
  // What distroless images have: libraries, and no shell.
  { name: "gateway-without-shell", target: "gateway", runtime: BASES.libraries },
] as const

const problem = missing()
if (problem !== undefined) {
  console.error(problem)
  process.exit(1)
}
mkdirSync(FOLDER, { recursive: true })
await makeBases(FOLDER)
const context = await lastCommit()
rmSync(BUNDLES, { recursive: true, force: true })
for (const image of IMAGES) {
  const startedMs = performance.now()
  await build(context, image)
  await unpack(image.name)
  console.log(`${image.name}: built in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`)
}
// Buildah leaves an overlay store mounted on itself, and a folder that is in use cannot be deleted.
Bun.spawnSync(["umount", join(FOLDER, "store", "overlay")], { stderr: "ignore" })
await run(process.execPath, ["test", "./test/deploy/image.test.ts"], { SPECTACLES_IMAGES: BUNDLES })

function missing(): string | undefined {
  if (process.getuid?.() !== ROOT_USER) return "Cannot build images: run this as root."
  const tools = TOOLS.filter((tool) => Bun.which(tool) === null)
  if (tools.length === 0) return undefined
  return `Cannot build images: install ${tools.join(", ")}, such as by \`apt-get install ${tools.join(" ")}\`.`
}

/** What is committed, in a folder: others may be at work in this one. */
async function lastCommit(): Promise<string> {
  const folder = join(FOLDER, "context")
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  await run("sh", ["-c", `git -C "$0" archive HEAD | tar --extract --directory "$1"`, ROOT, folder])
  return folder
}

async function build(folder: string, { name, target, runtime }: (typeof IMAGES)[number]): Promise<void> {
  const commit = (await run("git", ["-C", ROOT, "rev-parse", "--short", "HEAD"])).trim()
  const settings = [
    `BUN_IMAGE=${BASES.bun}`,
    `RUST_IMAGE=${BASES.rust}`,
    `RUNTIME_IMAGE=${runtime}`,
    // Optional: one is built as by somebody who does not give it.
    ...(runtime === BASES.libraries ? [] : [`SPECTACLES_COMMIT=${commit}`]),
  ]
  await buildah(
    FOLDER,
    ...["bud", "--isolation", "chroot", "--network", "host", "--pull=never", "--layers"],
    // Only Docker's own format has a HEALTHCHECK.
    ...["--format", "docker", "--target", target, "--tag", `localhost/spectacles/${name}`],
    ...settings.flatMap((setting) => ["--build-arg", setting]),
    folder,
  )
}

/** An image as a container runtime wants it: its files in a folder, and what to run in them. */
async function unpack(name: string): Promise<void> {
  const bundle = join(BUNDLES, name)
  mkdirSync(bundle, { recursive: true })
  const container = (await buildah(FOLDER, "from", "--pull=never", `localhost/spectacles/${name}`)).trim()
  const rootfs = (await buildah(FOLDER, "mount", container)).trim()
  if (!existsSync(rootfs))
    throw new Error(`Cannot unpack ${name}: buildah mounted it at ${rootfs}, which is not there.`)
  await run("cp", ["--archive", rootfs, join(bundle, "rootfs")])
  const described: unknown = JSON.parse(
    await buildah(FOLDER, "inspect", "--type", "image", `localhost/spectacles/${name}`),
  )
  writeFileSync(join(bundle, "image.json"), JSON.stringify(described, null, 2))
  // Else its mount outlives it.
  await buildah(FOLDER, "umount", container)
  await buildah(FOLDER, "rm", container)
}
