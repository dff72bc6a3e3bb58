// Runs a script of a user's, under Node or Bun, and reads the lines that it says.

/** @throws what the script complained of, when it fails. */
export async function runScript(runtime: string, script: string, ...args: readonly string[]): Promise<string[]> {
  const command = runtime === "bun" ? process.execPath : runtime
  const child = Bun.spawn([command, script, ...args], {
    cwd: import.meta.dir,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const [said, complaint, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${command} ${script} ended with ${code}:\n${complaint}\n${said}`)
  return said.split("\n").filter((line) => line !== "")
}
