// `spectacles completion bash|zsh|fish`: prints what makes a shell complete commands, flags and their values.

import { command, EXIT_OK } from "./command.ts"
import { allFlags, type CommandLine, type Flag, mistake } from "./command-line.ts"

/** A command as it is listed. */
export interface Listed {
  readonly summary: string
  readonly line: CommandLine
}

const LINE = {
  name: "completion",
  about: "Prints the script that makes a shell complete commands, flags and their values.",
  argument: { name: "shell", choices: ["bash", "zsh", "fish"] },
  flags: {},
  examples: [
    { what: "bash, in this terminal", line: "source <(spectacles completion bash)" },
    {
      what: "bash, for good",
      line: "spectacles completion bash > ~/.local/share/bash-completion/completions/spectacles",
    },
    { what: "zsh", line: 'spectacles completion zsh > "$' + '{fpath[1]}/_spectacles"' },
    { what: "fish", line: "spectacles completion fish > ~/.config/fish/completions/spectacles.fish" },
  ],
} as const satisfies CommandLine

/** @param others every other command */
export function completionOf(others: readonly Listed[]) {
  return command(LINE, async ({ argument }) => {
    if (argument === undefined) throw mistake(LINE, "name the shell, bash, zsh or fish")
    process.stdout.write(completionScript(argument, [...others, { summary: "completion for a shell", line: LINE }]))
    return EXIT_OK
  })
}

/** @param shell one of the three */
export function completionScript(shell: string, commands: readonly Listed[]): string {
  if (shell === "bash") return bash(commands)
  return shell === "zsh" ? zsh(commands) : fish(commands)
}

/** What may stand after the command's name and is no flag's value. */
function wordsOf(line: CommandLine): string[] {
  return [...(line.argument?.choices ?? []), ...Object.keys(allFlags(line)).map((flag) => `--${flag}`)]
}

function takesFile({ value }: Flag): boolean {
  return value === "FILE"
}

/** For bash 3.2 as well, which macOS has. */
function bash(commands: readonly Listed[]): string {
  const words = (texts: readonly string[]) => `COMPREPLY=($(compgen -W "${texts.join(" ")}" -- "$word"))`
  const values = commands.flatMap(({ line }) =>
    Object.entries(line.flags)
      .filter(([, { type }]) => type === "string")
      .map(([name, flag]) => {
        const reply = takesFile(flag)
          ? 'COMPREPLY=($(compgen -f -- "$word"));'
          : flag.choices && `${words(flag.choices)};`
        return `    "${line.name} --${name}") ${reply ?? ""} return ;;`
      }),
  )
  return `# Completion of spectacles for bash.
_spectacles() {
  local IFS=$' \\t\\n' word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    ${words([...commands.map(({ line }) => line.name), "--help", "--version"])}
    return
  fi
  case "\${COMP_WORDS[1]} $before" in
${values.join("\n")}
  esac
  case "\${COMP_WORDS[1]}" in
${commands.map(({ line }) => `    ${line.name}) ${words(wordsOf(line))} ;;`).join("\n")}
  esac
}
complete -o filenames -F _spectacles spectacles
`
}

function zsh(commands: readonly Listed[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const plain = (text: string) => text.replace(/[[\]:\\]/g, "\\$&")
  const argument = (name: string, { type, value = "VALUE", help, choices }: Flag) => {
    const action = value === "FILE" ? "_files" : `(${(choices ?? []).join(" ")})`
    return quoted(`--${name}[${plain(help)}]${type === "boolean" ? "" : `:${plain(value)}:${action}`}`)
  }
  const cases = commands.map(({ line }) => {
    const flags = Object.entries(allFlags(line)).map(([name, flag]) => argument(name, flag))
    const word =
      line.argument === undefined ? [] : [quoted(`1:${line.argument.name}:(${line.argument.choices.join(" ")})`)]
    return `    ${line.name}) _arguments ${[...word, ...flags].join(" ")} ;;`
  })
  return `#compdef spectacles
# Completion of spectacles for zsh.
_spectacles() {
  local -a commands
  commands=(${commands.map(({ line, summary }) => quoted(`${line.name}:${plain(summary)}`)).join(" ")})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = "_spectacles" ]; then _spectacles "$@"; else compdef _spectacles spectacles; fi
`
}

function fish(commands: readonly Listed[]): string {
  const quoted = (text: string) => `'${text.replace(/['\\]/g, "\\$&")}'`
  const lines = commands.flatMap(({ line, summary }) => {
    const inside = `complete -c spectacles -n '__fish_seen_subcommand_from ${line.name}'`
    const flags = Object.entries(allFlags(line)).map(([name, flag]) => {
      const listed = `-x -a ${quoted((flag.choices ?? []).join(" "))}`
      const value = flag.type === "boolean" ? "" : takesFile(flag) ? " -r -F" : ` ${listed}`
      return `${inside} -l ${name}${value} -d ${quoted(flag.help)}`
    })
    const words = line.argument === undefined ? [] : [`${inside} -a ${quoted(line.argument.choices.join(" "))}`]
    return [`complete -c spectacles -n __fish_use_subcommand -a ${line.name} -d ${quoted(summary)}`, ...words, ...flags]
  })
  return `# Completion of spectacles for fish.\ncomplete -c spectacles -f\n${lines.join("\n")}\n`
}
