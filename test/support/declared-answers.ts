// What a command prints with `--json`, held against what the command says it prints.
import type { Command } from 'commander';
import { answerOf } from '../../shared/cli/command.ts';

/** The command of these words; null where the program has none. */
export function commandOf(program: Command, argv: readonly string[]): Command | null {
  let at = program;
  for (const word of argv) {
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) break;
    at = next;
  }
  return at === program ? null : at;
}

/** Throws, naming the place, where the document is none that the command declares. */
export async function holdToAnswer(
  program: Command,
  argv: readonly string[],
  document: unknown,
): Promise<void> {
  const command = commandOf(program, argv);
  const answer = command === null ? null : await answerOf(command);
  if (answer === null) throw new Error(`${argv.join(' ')} declares no answer, and prints one`);
  const result = answer.safeParse(document);
  if (result.success) return;
  throw new Error(`the answer of ${argv.join(' ')} is not as declared: ${result.error.message}`);
}
