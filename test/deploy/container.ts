// Runs an image that scripts/image.ts has unpacked as `docker run --network host` would, by crun, an OCI runtime: its own
// process ids, mounts and user, no capabilities.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { z } from "zod"

const HEALTHCHECK = z.object({ Test: z.array(z.string()) })
const IMAGE = z.object({
  User: z.string(),
  Env: z.array(z.string()),
  Cmd: z.array(z.string()).nullish(),
  Entrypoint: z.array(z.string()),
  WorkingDir: z.string(),
  StopSignal: z.string(),
  Labels: z.record(z.string(), z.string()),
  ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
  Healthcheck: HEALTHCHECK.nullish(),
})

export type Image = z.infer<typeof IMAGE>

export interface RunOptions {
  /** As `docker run -e` gives them. */
  readonly env?: Readonly<Record<string, string>>
  /** Behind the image's name on the command line. */
  readonly args?: readonly string[]
  /** `docker run -t`: standard output is a terminal. */
  readonly terminal?: boolean
  /** `docker run --read-only --tmpfs /tmp:exec`. */
  readonly readOnly?: boolean
  /** Files that are mounted: what they are, by their path in the container. */
  readonly files?: Readonly<Record<string, string>>
}

export interface Container {
  readonly output: ReadableStream<Uint8Array>
  /** Standard error as one text, once it has ended. */
  readonly errors: Promise<string>
  readonly exited: Promise<number>
  /** `docker exec`. @returns its exit code and what it said. */
  exec(...command: readonly string[]): Promise<{ readonly code: number; readonly said: string }>
  /** The user and the group that its first process has on this machine. */
  owner(): string
  /** `docker kill --signal`. */
  signal(name: string): Promise<void>
  /** Leaves nothing behind. */
  stop(): Promise<void>
}

export function readImage(bundles: string, name: string): Image {
  const described: unknown = JSON.parse(readFileSync(join(bundles, name, "image.json"), "utf8"))
  return z.object({ Docker: z.object({ config: IMAGE }) }).parse(described).Docker.config
}

/** crun cannot start beside a cgroup2 hierarchy without controllers: in a mount namespace of its own it is out of sight. */
const CRUN = `umount /sys/fs/cgroup/unified 2>/dev/null; exec crun --cgroup-manager=disabled "$@"`
/** What the container writes goes beside the image, not into it. */
const LAYERS = "mount -t overlay overlay -o lowerdir=$ROOTFS,upperdir=$FOLDER/upper,workdir=$FOLDER/work $FOLDER/merged"

export function runContainer(bundles: string, name: string, options: RunOptions = {}): Container {
  const image = readImage(bundles, name)
  const folder = mkdtempSync(join(tmpdir(), "spectacles-container-"))
  const id = folder.slice(-6)
  for (const part of ["upper", "work", "merged", "files"]) mkdirSync(join(folder, part))
  writeFileSync(join(folder, "config.json"), JSON.stringify(specification(image, folder, options)))
  const state = ["--root", join(folder, "state")]
  const crun = ["unshare", "--mount", "sh", "-c", CRUN, "crun", ...state]
  const run = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    `${LAYERS} && { ${CRUN}; }`,
    "crun",
    ...state,
    "run",
    "--bundle",
    folder,
    id,
  ]
  const command = options.terminal === true ? ["script", "-qefc", run.map(quoted).join(" "), "/dev/null"] : run
  const child = Bun.spawn(command, {
    env: { PATH: process.env["PATH"] ?? "", ROOTFS: join(bundles, name, "rootfs"), FOLDER: folder },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const crunDoes = async (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...crun, ...args])
    return { code: exitCode, said: `${stdout}${stderr}` }
  }
  const firstPid = () => {
    const state: unknown = JSON.parse(Bun.spawnSync([...crun, "state", id]).stdout.toString())
    return z.object({ pid: z.number() }).parse(state).pid
  }
  return {
    output: child.stdout,
    errors: child.stderr.text(),
    exited: child.exited,
    exec: (...words) => crunDoes("exec", id, ...words),
    owner: () =>
      /^Uid:\t(\d+)[\s\S]*?^Gid:\t(\d+)/m
        .exec(readFileSync(`/proc/${firstPid()}/status`, "utf8"))
        ?.slice(1)
        .join(":") ?? "",
    signal: async (signal) => {
      await crunDoes("kill", id, signal)
    },
    stop: async () => {
      await crunDoes("delete", "--force", id)
      await child.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function specification(image: Image, folder: string, options: RunOptions): object {
  const { env = {}, args = image.Cmd ?? [], terminal = false, readOnly = false, files = {} } = options
  const [uid = 0, gid = 0] = image.User.split(":").map(Number)
  const given = Object.entries(env).map(([key, value]) => `${key}=${value}`)
  const mount = (destination: string, type: string, ...flags: readonly string[]) => ({
    destination,
    type,
    source: type,
    options: flags,
  })
  const bind = (source: string, destination: string) => ({ destination, type: "bind", source, options: ["bind", "ro"] })
  const bound = Object.entries(files).map(([destination, text], index) => {
    const source = join(folder, "files", String(index))
    writeFileSync(source, text)
    return bind(source, destination)
  })
  return {
    ociVersion: "1.0.2",
    process: {
      terminal,
      user: { uid, gid },
      args: [...image.Entrypoint, ...args],
      env: [...image.Env, ...(terminal ? ["TERM=xterm"] : []), ...given],
      cwd: image.WorkingDir,
      noNewPrivileges: true,
    },
    root: { path: join(folder, "merged"), readonly: readOnly },
    mounts: [
      mount("/proc", "proc"),
      mount("/dev", "tmpfs", "nosuid", "mode=755"),
      mount("/dev/pts", "devpts", "newinstance", "ptmxmode=0666"),
      ...(readOnly ? [mount("/tmp", "tmpfs", "nosuid", "mode=1777", "size=64m")] : []),
      ...["/etc/hosts", "/etc/resolv.conf"].map((path) => bind(path, path)),
      ...bound,
    ],
    // No network namespace: that is `--network host`.
    linux: { namespaces: ["pid", "ipc", "uts", "mount"].map((type) => ({ type })) },
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
