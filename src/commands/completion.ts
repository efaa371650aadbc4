import { Writable } from "node:stream";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { COMMON_FLAGS, parseFlags, type Command } from "./command.ts";
import { COMMANDS } from "./table.ts";

const HELP = `sallyport completion bash | zsh | fish

Prints what makes the shell complete commands and options.

  bash   sallyport completion bash > ~/.local/share/bash-completion/completions/sallyport
  zsh    sallyport completion zsh > "\${fpath[1]}/_sallyport"
  fish   sallyport completion fish > ~/.config/fish/completions/sallyport.fish

Example: source <(sallyport completion bash)
`;

interface Completed {
  readonly name: string;
  readonly summary: string;
  /** Long options, without dashes. */
  readonly flags: readonly string[];
}

export const command: Command = async (args, host) => {
  const { values, positionals } = parseFlags(args, { help: COMMON_FLAGS.help }, 1);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  const [shell = ""] = positionals;
  if (!Object.hasOwn(SHELLS, shell)) throw new SallyportError("usage.option", `completion ${shell}: one of ${Object.keys(SHELLS).join(", ")}`);
  const commands = await Promise.all(Object.entries(COMMANDS).map(([name, [summary]]) => completed(name, summary, host)));
  host.stdout.write((SHELLS[shell] as (commands: readonly Completed[]) => string)(commands));
  return 0;
};

/** Options as the command's own help lists them. */
async function completed(name: string, summary: string, host: Host): Promise<Completed> {
  let text = "";
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString();
      done();
    },
  });
  const { command: run } = await (COMMANDS[name] as (typeof COMMANDS)[string])[1]();
  await run(["--help"], { ...host, stdout: stdout as unknown as Host["stdout"] });
  return { name, summary, flags: [...new Set([...text.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map(([, flag]) => flag as string)), "help"].filter((flag, index, all) => all.indexOf(flag) === index) };
}

const SHELLS: Readonly<Record<string, (commands: readonly Completed[]) => string>> = {
  bash: (commands) => `# bash completion for sallyport
_sallyport() {
  local word=\${COMP_WORDS[COMP_CWORD]} words=
  if [ "$COMP_CWORD" = 1 ]; then
    words="${commands.map(({ name }) => name).join(" ")} --help --version"
  else
    case \${COMP_WORDS[1]} in
${commands.map(({ name, flags }) => `      ${name}) words="${flags.map((flag) => `--${flag}`).join(" ")}" ;;`).join("\n")}
    esac
    [[ $word == -* ]] || words=
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _sallyport sallyport
`,
  zsh: (commands) => `#compdef sallyport
local -a commands
commands=(
${commands.map(({ name, summary }) => `  ${quoted(`${name}:${summary}`)}`).join("\n")}
)
if (( CURRENT == 2 )); then
  _describe command commands
else
  case $words[2] in
${commands.map(({ name, flags }) => `    ${name}) compadd -- ${flags.map((flag) => `--${flag}`).join(" ")} ;;`).join("\n")}
  esac
  _files
fi
`,
  fish: (commands) => `# fish completion for sallyport
${commands.map(({ name, summary }) => `complete -c sallyport -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`).join("\n")}
${commands.flatMap(({ name, flags }) => flags.map((flag) => `complete -c sallyport -n '__fish_seen_subcommand_from ${name}' -l ${flag}`)).join("\n")}
`,
};

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
