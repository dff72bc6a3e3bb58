import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { TOKEN } from "../fixtures/gateway-process.ts"

const COMMAND = [process.execPath, join(import.meta.dir, "../../src/bin/spectacles.ts"), "init"]
const EVENTS = ["--events", "MESSAGE_CREATE"]

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spectacles-init-"))
  file = join(folder, "gateway.toml")
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function run(args: readonly string[], env: Readonly<Record<string, string>> = { DISCORD_TOKEN: TOKEN }) {
  const child = Bun.spawn([...COMMAND, ...args], { cwd: folder, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [out, complaint, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, out, complaint }
}

const text = () => readFile(file, "utf8")

describe("spectacles init with flags", () => {
  test("writes a file for its owner's eyes alone, with the intents that the events need", async () => {
    expect(await run(["--events", "MESSAGE_CREATE,TYPING_START,INTERACTION_CREATE"])).toMatchObject({
      code: 0,
      complaint: "",
    })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await text()).toEndWith(`token = "${TOKEN}"
events = [ "MESSAGE_CREATE", "TYPING_START", "INTERACTION_CREATE" ]
intents = [ "GUILDS", "GUILD_MESSAGES", "GUILD_MESSAGE_TYPING" ]

[broker]
type = "stdio"

[shard_store]
type = "file"
path = "sessions"
`)
  })

  test("takes the broker, its URL, other intents and another file", async () => {
    const flags = [
      "--broker",
      "amqp",
      "--url",
      "amqp://rabbit:5672",
      "--intents",
      "GUILD_MESSAGES",
      "--config",
      "a.toml",
    ]
    const { out } = await run([...EVENTS, ...flags])
    expect(out).toContain("gateway --config a.toml")
    file = join(folder, "a.toml")
    expect(await text()).toContain(
      'intents = [ "GUILD_MESSAGES" ]\n\n[broker]\ntype = "amqp"\n\n[amqp]\nurl = "amqp://rabbit',
    )
  })

  test("keeps sessions in Redis where events go there", async () => {
    await run([...EVENTS, "--broker", "redis"])
    expect(await text()).toEndWith('[redis]\nurl = "redis://localhost:6379"\n\n[shard_store]\ntype = "redis"\n')
  })

  test("replaces no file, unless told to, and closes it to others then", async () => {
    await writeFile(file, "mine")
    await chmod(file, 0o644)
    expect(await run(EVENTS)).toEqual({
      code: 1,
      out: "",
      complaint: "Cannot write gateway.toml: it is there already; --force replaces it, --config FILE writes another.\n",
    })
    expect(await text()).toBe("mine")
    expect((await run([...EVENTS, "--force"])).code).toBe(0)
    expect([await text(), (await stat(file)).mode & 0o777]).toEqual([expect.stringContaining(TOKEN), 0o600])
  })

  test("warns of an event that Discord does not document", async () => {
    const { code, complaint } = await run(["--events", "MESSAGE_CRAETE"])
    expect([code, complaint]).toEqual([0, expect.stringContaining("Did you mean MESSAGE_CREATE")])
  })

  const mistakes: readonly (readonly [readonly string[], Record<string, string>, string])[] = [
    [[], {}, "there is no terminal to ask on, so give DISCORD_TOKEN or --token, and --events."],
    [EVENTS, { DISCORD_TOKEN: "abc" }, "Cannot write gateway.toml: The token does not look like a bot's"],
    [[...EVENTS, "--token", "Bearer x"], {}, "Cannot write gateway.toml: The token begins with Bearer"],
    [[...EVENTS, "--broker", "rediss"], {}, "Did you mean redis?"],
    [[...EVENTS, "--url", "redis://a"], {}, "add --broker redis or --broker amqp"],
    [[...EVENTS, "--broker", "redis", "--url", "amqp://a"], { DISCORD_TOKEN: TOKEN }, 'redis.url is "amqp://a"'],
    [[...EVENTS, "--intents", "GUILDZ"], { DISCORD_TOKEN: TOKEN }, "Did you mean GUILDS"],
    [[...EVENTS, "--config", "none/a.toml"], { DISCORD_TOKEN: TOKEN }, "Cannot write none/a.toml (ENOENT)"],
  ]
  test.each(mistakes)("#36 writes nothing for %j", async (flags, env, sentence) => {
    const { code, out, complaint } = await run(flags, env)
    expect([code, out, complaint]).toEqual([1, "", expect.stringContaining(sentence)])
    expect(complaint.trimEnd().split("\n")).toHaveLength(1)
    expect(existsSync(file)).toBe(false)
  })
})

/** Types `keys`, one after another, each when `when` has shown. @returns the exit code and everything that was shown. */
async function type(dialogue: readonly (readonly [when: string, keys: string])[], env: Record<string, string> = {}) {
  const waiting = [...dialogue]
  let shown = ""
  const child = Bun.spawn(COMMAND, {
    cwd: folder,
    env: { ...env, TERM: "xterm", NO_COLOR: "1" },
    terminal: {
      cols: 120,
      rows: 40,
      data(terminal, bytes) {
        shown += new TextDecoder().decode(bytes)
        const [next] = waiting
        if (next === undefined || !shown.includes(next[0])) return
        waiting.shift()
        terminal.write(next[1])
      },
    },
  })
  return { code: await child.exited, shown }
}

describe.skipIf(process.platform === "win32")("spectacles init on a terminal", () => {
  test("asks for everything, with good answers at hand, and shows no token", async () => {
    const { code, shown } = await type([
      ["The bot's token", `${TOKEN}\r`],
      ["Which events", "\r"],
      ["With which intents", "\r"],
      ["Where do events go", "\x1b[B\r"],
      ["Where is Redis Streams", "\r"],
    ])
    expect(code).toBe(0)
    expect(shown).not.toContain(TOKEN)
    expect(await text()).toContain(`events = [ "MESSAGE_CREATE", "INTERACTION_CREATE" ]
intents = [ "GUILDS", "GUILD_MESSAGES" ]

[broker]
type = "redis"
`)
  })

  test("says at once what is wrong with a token", async () => {
    const { code, shown } = await type([
      ["The bot's token", "abc\r"],
      ["does not look like a bot's", "\x03"],
    ])
    expect([code, shown]).toEqual([130, expect.stringContaining("Nothing was written.")])
  })

  test("writes nothing when it is left with Ctrl-C", async () => {
    const { code, shown } = await type([["Which events", "\x03"]], { DISCORD_TOKEN: TOKEN })
    expect([code, shown]).toEqual([130, expect.stringContaining("Nothing was written.")])
    expect(existsSync(file)).toBe(false)
  })
})
