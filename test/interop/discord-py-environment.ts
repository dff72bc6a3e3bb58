// A Python environment with discord.py in the cache folder, made on first use.

import { existsSync } from "node:fs"

const ROOT = new URL("../../", import.meta.url).pathname
const REQUIREMENTS = `${import.meta.dir}/discord-py-requirements.txt`

export type DiscordPy =
  | { readonly type: "installed"; readonly python: string }
  | { readonly type: "missing"; readonly reason: string }

/** Installs discord.py with python3's venv and pip, unless it is there already. */
export async function discordPy(): Promise<DiscordPy> {
  const key = Bun.hash(await Bun.file(REQUIREMENTS).text()).toString(36)
  const folder = `${ROOT}.cache/discord-py-${key}`
  const python = `${folder}/bin/python`
  const finished = `${folder}/finished`
  if (existsSync(finished)) return { type: "installed", python }
  if (Bun.which("python3") === null) return { type: "missing", reason: "there is no python3" }
  const failure =
    (await failureOf(["python3", "-m", "venv", "--clear", folder])) ??
    (await failureOf([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]))
  if (failure !== undefined) return { type: "missing", reason: failure }
  await Bun.write(finished, "")
  return { type: "installed", python }
}

/** The last line that a failing command wrote; undefined when it went well. */
async function failureOf(command: readonly string[]): Promise<string | undefined> {
  const child = Bun.spawn([...command], { stdout: "pipe", stderr: "pipe" })
  const [code, output, errors] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  return code === 0
    ? undefined
    : `${command.slice(0, 3).join(" ")}: ${`${output}\n${errors}`.trim().split("\n").at(-1)}`
}
