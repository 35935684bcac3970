// How long a service's log was at which time: beside the log, for lines that a service writes itself carry no time.
import { constants } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import type { LogSince } from '../../ports/deploy.ts';
import { openRegular, openWritable, readEnd } from './regular-file.ts';

export interface Mark {
  readonly at: EpochMs;
  /** `start`: here the output of one start begins. */
  readonly kind: 'start' | 'look';
  /** Bytes from the beginning of the log; below zero it is in the end of what was moved away. */
  readonly position: number;
}

/** Hours by the minute, and then less and less closely as far back as the log goes. */
const MOST_MARKS = 600;
const MOST_BYTES = MOST_MARKS * 64;
const LINE = /^(\d{1,16}) (-?\d{1,16}) (start|look)$/;
const { O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } = constants;
const marksOf = (path: string) => `${path}.marks`;

/** Whoever can write the log can write this: what is no mark is passed over. */
export async function readMarks(path: string): Promise<readonly Mark[]> {
  const text = (await readEnd(marksOf(path), MOST_BYTES)).toString('latin1');
  // The last piece is a line that lost its end, or nothing.
  return text.split('\n').slice(0, -1).flatMap(parseMark);
}

function parseMark(line: string): readonly Mark[] {
  const [, at, position, kind] = LINE.exec(line) ?? [];
  return at === undefined ? [] : [{ at: Number(at), position: Number(position), kind: kind as Mark['kind'] }];
}

/** A log that cannot be remembered is read whole: nothing waits for that. */
export async function writeMarks(path: string, marks: readonly Mark[]): Promise<void> {
  const lines = marks.map(({ at, position, kind }) => `${at} ${position} ${kind}\n`);
  try {
    const file = await openWritable(marksOf(path), O_CREAT | O_TRUNC | O_WRONLY);
    await file.write(lines.join('')).finally(() => file.close());
  } catch {
    await clearMarks(path);
  }
}

export async function clearMarks(path: string): Promise<void> {
  await rm(marksOf(path), { recursive: true, force: true }).catch(() => undefined);
}

/** Where the log ends now. Of a quiet service nothing is written. */
export async function writeMark(path: string, { at, kind }: Pick<Mark, 'at' | 'kind'>): Promise<void> {
  const position = await sizeOf(path);
  const known = await readMarks(path);
  // Where the log was cut by somebody else, the places behind its end are gone.
  const valid = known.filter((mark) => mark.position <= position);
  if (kind === 'look' && valid.length === known.length && known.at(-1)?.position === position) return;
  await writeMarks(path, [...thinned(valid), { at, kind, position }]);
}

function thinned(marks: readonly Mark[]): readonly Mark[] {
  if (marks.length < MOST_MARKS) return marks;
  const start = marks.findLastIndex(({ kind }) => kind === 'start');
  return marks.filter((_, index) => index >= marks.length / 2 || index % 2 === 0 || index === start);
}

async function sizeOf(path: string): Promise<number> {
  const log = await openRegular(path, O_RDONLY).catch(() => null);
  if (log === null) return 0;
  return (await log.stat().finally(() => log.close())).size;
}

/**
 * Before everything that came since, and as little as possible before it: no line that was asked for is left out. A clock that
 * was set back makes it earlier, never later.
 */
export function positionOf(marks: readonly Mark[], since: LogSince): number {
  const mark =
    since === 'start'
      ? marks.findLast(({ kind }) => kind === 'start')
      : marks.slice(0, firstAfter(marks, since)).at(-1);
  return mark?.position ?? Number.NEGATIVE_INFINITY;
}

function firstAfter(marks: readonly Mark[], since: EpochMs): number {
  const index = marks.findIndex(({ at }) => at > since);
  return index === -1 ? marks.length : index;
}
