// How a command answers: lines for people or one JSON document, and progress beside them.
import { sanitizeText } from '../encoding/text.ts';
import { createProgress, type ProgressStream } from './progress.ts';

export interface Output {
  /** The answer: `lines` for people, or with --json the document, whose schema is `PROGRAM/NAME@1`. */
  result(name: string, lines: readonly string[], document: object): void;
  /** Something a person should know on the way; silent with --json. */
  note(line: string): void;
  /** How far a long step is. */
  progress(step: string, done: number, total: number): void;
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
          ? `${JSON.stringify({ schema: `${program}/${name}@1`, ...document })}\n`
          : lines.map((line) => `${sanitizeText(line)}\n`).join(''),
      );
    },
    note: (line) => {
      progress.clear();
      if (!json) stderr.write(`${sanitizeText(line)}\n`);
    },
    progress: progress.show,
  };
}
