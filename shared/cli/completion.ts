// Completion for the three shells, made from the program itself, so that it never lags behind.
import type { Command } from 'commander';
import { assertNever } from '../errors/error.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What may follow a command: its subcommands and options. */
interface Place {
  /** `pin add`; empty for the program. */
  readonly path: string;
  readonly words: readonly string[];
}

/** A script for the shell to source. */
export function renderCompletion(shell: Shell, program: Command): string {
  const places = placesOf(program, []);
  switch (shell) {
    case 'bash':
      return bash(places);
    case 'zsh':
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(places)}`;
    case 'fish':
      return fish(places);
    default:
      return assertNever(shell);
  }
}

function placesOf(command: Command, path: readonly string[]): readonly Place[] {
  const options = command.options.flatMap((option) => option.long ?? []);
  const words = [...command.commands.map((each) => each.name()), ...options, '--help'].sort();
  return [
    { path: path.join(' '), words },
    ...command.commands.flatMap((each) => placesOf(each, [...path, each.name()])),
  ];
}

function bash(places: readonly Place[]): string {
  const cases = places.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`);
  return `_fairlead() {
  local word path='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case " ${pathsOf(places)} " in
      *" \${path:+$path/}$word "*) path="\${path:+$path/}$word" ;;
    esac
  done
  case "\${path//\\// }" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _fairlead fairlead`;
}

/** Names hold no blank, so a path with slashes is one word. */
function pathsOf(places: readonly Place[]): string {
  return places
    .map(({ path }) => path.replaceAll(' ', '/'))
    .filter((path) => path !== '')
    .join(' ');
}

function fish(places: readonly Place[]): string {
  const lines = places.map(
    ({ path, words }) => `complete -c fairlead -n '__fairlead_at "${path}"' -a '${words.join(' ')}'`,
  );
  return `function __fairlead_at
  set -l at
  for word in (commandline -opc)[2..]
    contains -- (string join / $at $word) ${pathsOf(places)}; and set -a at $word
  end
  test "$at" = "$argv"
end
${lines.join('\n')}`;
}
