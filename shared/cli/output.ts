// How a command answers: lines for people or one JSON document, and progress on a terminal.
import { sanitizeText } from '../encoding/text.ts';

export interface Stream {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

export interface Output {
  /** The answer: `lines` for people, or with --json the document, whose schema is `fairlead-vendor/NAME@1`. */
  result(name: string, lines: readonly string[], document: object): void;
  /** Something a person should know on the way; silent with --json. */
  note(line: string): void;
  /** How far a long step is; shown on a terminal only. */
  progress(step: string, done: number, total: number): void;
}

const BAR_WIDTH = 24;

export function createOutput(stdout: Stream, stderr: Stream, json: boolean): Output {
  const isTerminal = stderr.isTTY === true && !json;
  let shown = '';
  const clear = () => {
    if (shown !== '') stderr.write('\r\u001b[K');
    shown = '';
  };
  return {
    result: (name, lines, document) => {
      clear();
      stdout.write(
        json
          ? `${JSON.stringify({ schema: `fairlead-vendor/${name}@1`, ...document })}\n`
          : lines.map((line) => `${sanitizeText(line)}\n`).join(''),
      );
    },
    note: (line) => {
      clear();
      if (!json) stderr.write(`${sanitizeText(line)}\n`);
    },
    progress: (step, done, total) => {
      if (!isTerminal) return;
      const line = formatProgress(step, done, total);
      if (line !== shown) stderr.write(`\r\u001b[K${line}`);
      shown = line;
      if (done >= total) clear();
    },
  };
}

function formatProgress(step: string, done: number, total: number): string {
  const part = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(part * BAR_WIDTH);
  return `${step} [${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${Math.floor(part * 100)}%`;
}
