// A Python environment with discord.py.

import { type PythonEnvironment, pythonEnvironment } from "../fixtures/python-environment.ts"

const REQUIREMENTS = `${import.meta.dir}/discord-py-requirements.txt`

/** Installs discord.py, unless it is there already. */
export function discordPy(): Promise<PythonEnvironment> {
  return pythonEnvironment("discord-py", REQUIREMENTS)
}
