// How far long work is: one line with rate and time left on a terminal, a line a step where nobody watches, nothing beside JSON.
import { createMeter, type Meter } from '../encoding/pace.ts';
import { sanitizeLine } from '../encoding/text.ts';
import { describePace } from '../present/pace.ts';

export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** What a step counts: with bytes it also says how fast they come and how long the rest takes. */
export type ProgressUnit = 'bytes' | 'pieces';

export interface Progress {
  /**
   * `done` of `total`, in one unit for the whole step; a step ends when all of it is done, or another begins. `total` is null
   * where nobody knows.
   */
  show(step: string, done: number, total: number | null, unit?: ProgressUnit): void;
  /** Nothing is left on the line where an answer or an error comes next. */
  clear(): void;
}

/** Under this the line would wrap. */
const NARROWEST = 60;
const BAR_WIDTH = 20;
/** A line that changes more often can only be looked at, not read; and what is over sooner needs none. */
const REDRAWN_MS = 250;
const SHORTEST_NAME = 12;

export function createProgress(
  stream: ProgressStream,
  isQuiet: boolean,
  now: () => number = () => performance.now(),
): Progress {
  if (isQuiet) return { show: () => undefined, clear: () => undefined };
  // A run that nobody watches may have a terminal all the same, and says so by this name.
  const isWatched = stream.isTTY === true && process.env.CI !== 'true' && process.env.TERM !== 'dumb';
  if (isWatched && (stream.columns ?? 0) >= NARROWEST) return createLine(stream, now);
  let last = '';
  return {
    show(step) {
      if (step !== last) stream.write(`${sanitizeLine(step)} …\n`);
      last = step;
    },
    clear: () => undefined,
  };
}

interface Shown {
  readonly step: string;
  readonly meter: Meter;
  readonly timer: NodeJS.Timeout;
  done: number;
  total: number | null;
  unit: ProgressUnit;
  drawnAt: number;
  isDrawn: boolean;
}

/** Back to the first column; and nothing behind what is written. */
const HOME = '\r';
const ERASE = '\u001b[K';

function createLine(stream: ProgressStream, now: () => number): Progress {
  let shown: Shown | null = null;

  const draw = () => {
    if (shown === null || now() - shown.drawnAt < REDRAWN_MS) return;
    shown.drawnAt = now();
    shown.isDrawn = true;
    stream.write(`${HOME}${lineOf(shown, stream.columns ?? NARROWEST, now())}${ERASE}`);
  };
  const clear = () => {
    if (shown === null) return;
    clearInterval(shown.timer);
    if (shown.isDrawn) stream.write(HOME + ERASE);
    shown = null;
  };
  return {
    show(step, done, total, unit = 'bytes') {
      if (total !== null && done >= total) {
        clear();
        return;
      }
      if (shown?.step !== step) {
        clear();
        // It goes on while nothing comes, to say so, and keeps no program alive.
        const timer = setInterval(draw, REDRAWN_MS).unref();
        shown = { step, meter: createMeter(), timer, done, total, unit, drawnAt: now(), isDrawn: false };
      }
      Object.assign(shown, { done, total, unit });
      shown.meter.note(now(), done);
      draw();
    },
    clear,
  };
}

/** One column stays free: a terminal that is written full has begun the next line. */
function lineOf({ step, meter, done, total, unit }: Shown, columns: number, at: number): string {
  const share = total === null || total <= 0 ? null : Math.min(1, Math.max(0, done / total));
  const far = [
    ...(share === null ? [] : [`${Math.floor(share * 100)}%`]),
    ...(unit === 'bytes' ? [describePace(done, total, meter.read(at, total))] : []),
  ].join(', ');
  const room = columns - 1 - far.length - 1;
  const bar = room >= BAR_WIDTH + SHORTEST_NAME + 1 ? `${barOf(share)} ` : '';
  const name = sanitizeLine(step, Math.max(SHORTEST_NAME, room - bar.length));
  return `${bar}${name} ${far}`.slice(0, columns - 1);
}

function barOf(share: number | null): string {
  const filled = Math.floor((share ?? 0) * (BAR_WIDTH - 2));
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - 2 - filled)}]`;
}
