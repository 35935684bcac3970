// How far long work is: a bar on a terminal, one line a step where nobody watches, nothing beside JSON.
import type { ProgressResult } from '@clack/prompts';
import { sanitizeLine } from '../encoding/text.ts';

export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface Progress {
  /** `done` of `total`, in one unit for the whole step; a step ends when all of it is done, or another begins. */
  show(step: string, done: number, total: number): void;
  /** Nothing is left on the line where an answer or an error comes next. */
  clear(): void;
}

/** Under this the bar would wrap. */
const NARROWEST = 60;
const BAR_WIDTH = 24;

interface Bar {
  readonly step: string;
  readonly shown: ProgressResult;
  percent: number;
}

export function createProgress(stream: ProgressStream, isQuiet: boolean): Progress {
  if (isQuiet) return { show: () => undefined, clear: () => undefined };
  // A run that nobody watches may have a terminal all the same, and says so by this name.
  const isWatched = stream.isTTY === true && process.env.CI !== 'true';
  if (isWatched && (stream.columns ?? 0) >= NARROWEST) return createBar();
  let last = '';
  return {
    show(step) {
      if (step !== last) stream.write(`${sanitizeLine(step)} …\n`);
      last = step;
    },
    clear: () => undefined,
  };
}

function createBar(): Progress {
  let bar: Bar | null = null;
  const prompts = import('@clack/prompts');
  let loaded: typeof import('@clack/prompts') | null = null;
  // Steps that end before it is there need no bar.
  prompts.then(
    (found) => {
      loaded = found;
    },
    () => undefined,
  );
  const clear = () => {
    bar?.shown.clear();
    bar = null;
  };
  return {
    show(step, done, total) {
      if (loaded === null) return;
      if (done >= total) {
        clear();
        return;
      }
      const percent = Math.floor((done / total) * 100);
      const label = `${sanitizeLine(step, 80)} ${percent}%`;
      if (bar?.step !== step) {
        clear();
        const shown = loaded.progress({
          max: 100,
          size: BAR_WIDTH,
          output: process.stderr,
          withGuide: false,
        });
        shown.start(label);
        bar = { step, shown, percent: 0 };
      }
      if (percent > bar.percent) {
        bar.shown.advance(percent - bar.percent, label);
        bar.percent = percent;
      }
    },
    clear,
  };
}
