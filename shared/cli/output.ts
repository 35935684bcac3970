// How a command answers: lines for people or one JSON document, and progress beside them.
import { safeJson, sanitizeText } from '../encoding/text.ts';
import { createProgress, type Progress, type ProgressStream } from './progress.ts';

export interface Output {
  /** The answer: `lines` for people, or with --json the document, whose schema is `PROGRAM/NAME@1`. */
  result(name: string, lines: readonly string[], document: object): void;
  /** Something a person should know on the way; silent with --json. */
  note(line: string): void;
  /** How far a long step is. */
  progress: Progress['show'];
  /** Nothing of that is left on the line. */
  clear: Progress['clear'];
}

export function createOutput(
  program: string,
  stdout: ProgressStream,
  stderr: ProgressStream,
  json: boolean,
): Output {
  const progress = createProgress(stderr, json);
  return {
    result: (name, lines, document) => {
      progress.clear();
      stdout.write(
        json
          ? `${safeJson({ schema: `${program}/${name}@1`, ...document })}\n`
          : lines.map((line) => `${sanitizeText(line)}\n`).join(''),
      );
    },
    note: (line) => {
      progress.clear();
      if (!json) stderr.write(`${sanitizeText(line)}\n`);
    },
    progress: progress.show,
    clear: progress.clear,
  };
}

export const MISUSE_HINT = 'the same command with --help says what it takes';

const SHOWN = 250;
/** As the library says it; of options it speaks more plainly. */
const ARGUMENT = /^(error: )?command-argument value '(.*)' is invalid for argument '([^']*)'\./s;

/** What stands before the host of an address, with a password or in its place. */
const LETS_IN = /(\/\/|:)[^\s/:@']+@/g;

/** A key that was pasted, or a value behind `=`: an option is named, and no more. */
const UNKNOWN = /(unknown option '-[\w-]*)[^\w'-].*'/s;

/** Not all of what was typed, no password of it, and nothing a terminal would obey; what it must be stands at the end. */
export function sanitizeMisuse(message: string): string {
  const text = sanitizeText(message.trimEnd())
    .replace(ARGUMENT, "$1argument '$3' cannot be '$2'.")
    .replace(LETS_IN, '$1…@')
    .replace(UNKNOWN, "$1…'");
  return text.length <= 2 * SHOWN ? text : `${text.slice(0, SHOWN)}…${text.slice(-SHOWN)}`;
}

/** For people, on standard error. */
export function describeMisuse(message: string): string {
  return `${sanitizeMisuse(message)}\n  hint: ${MISUSE_HINT}\n`;
}

/** Leaving the question by Ctrl-C is a no. */
export async function confirm(message: string): Promise<boolean> {
  const prompts = await import('@clack/prompts');
  return (await prompts.confirm({ message, initialValue: false, output: process.stderr })) === true;
}

/** Nothing of the answer is shown; empty when the question was left by Ctrl-C. */
export async function askSecret(message: string): Promise<string> {
  const prompts = await import('@clack/prompts');
  const typed = await prompts.password({ message, output: process.stderr });
  return prompts.isCancel(typed) ? '' : typed;
}
