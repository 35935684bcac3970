// A service's log where the service has put something else: nothing is read or written through it, and nothing waits.
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  boundLog,
  keepLog,
  openForStart,
  openLog,
  readServiceLog,
} from '../../../../agent/adapters/drivers/service-log.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const PLACED: readonly (readonly [string, (path: string, elsewhere: string) => unknown])[] = [
  ['a link', (path, elsewhere) => symlinkSync(elsewhere, path)],
  ['a pipe', (path) => execFileSync('mkfifo', [path])],
  ['a directory', (path) => mkdirSync(join(path, 'full'), { recursive: true })],
];

function placing(place: (typeof PLACED)[number][1], suffix = '') {
  const directory = temporaryDirectory();
  const elsewhere = join(directory, 'elsewhere');
  writeFileSync(elsewhere, 'not its own');
  const path = join(directory, 'log');
  place(`${path}${suffix}`, elsewhere);
  return { path, elsewhere };
}

describe('in the place of a log', () => {
  it.each(PLACED)('%s is not read', async (_, place) => {
    const { path } = placing(place);

    expect(await readServiceLog(path, 100)).toBe('');
    await boundLog(path);
  });

  it.each(PLACED)('%s gives way to the log of the next start', async (_, place) => {
    const { path, elsewhere } = placing(place);

    const log = await openLog(path, {});
    await log.write('ready');
    await log.close();

    expect(await readServiceLog(path, 100)).toBe('ready');
    expect(readFileSync(elsewhere, 'utf8')).toBe('not its own');
  });

  it.each(PLACED)('%s beside it takes nothing of what is cut', async (_, place) => {
    const { path, elsewhere } = placing(place, '.1');
    writeFileSync(path, Buffer.alloc((8 << 20) + 1, 'x'));

    await boundLog(path);

    expect(lstatSync(`${path}.1`)).toMatchObject({ size: 8 << 20 });
    expect(readFileSync(elsewhere, 'utf8')).toBe('not its own');
  });
});

describe('a log of which the older part was moved away', () => {
  it.each([
    [7, 'newer\n', 'd\nnewer\n', 8],
    [6, 'newer\n', 'newer\n', 6],
    [3, 'newer\n', 'er\n', 3],
    [100, '', 'old\n', 100],
  ])('is read as one, the older part first: %i', async (_name, now, expected, bytes) => {
    const path = join(temporaryDirectory(), 'service.log');
    writeFileSync(`${path}.1`, 'old\n');
    writeFileSync(path, now);

    expect(await readServiceLog(path, bytes)).toBe(expected);
  });
});

describe('what came since', () => {
  const MINUTE_MS = 60_000;

  /** A line a minute, each looked at after it; the log was started twice. */
  async function written() {
    const path = join(temporaryDirectory(), 'log');
    const clock = createFakeClock();
    const began = clock.now();
    const say = (line: string) => writeFileSync(path, `${line}\n`, { flag: 'a' });
    const pass = async (...lines: readonly string[]) => {
      for (const line of lines) {
        say(line);
        await clock.advance(MINUTE_MS);
        await keepLog(path, clock);
      }
    };
    const start = async () => void (await (await openForStart(path, {}, clock)).close());
    const since = async (minutes: number) =>
      (await readServiceLog(path, 1 << 24, began + minutes * MINUTE_MS)).trimEnd().split('\n');
    const sinceStart = () => readServiceLog(path, 1 << 24, 'start');
    return { path, clock, pass, start, since, sinceStart };
  }

  it.each([
    ['before it began', -5, ['a', 'b', 'c', 'd']],
    ['when it began', 0, ['a', 'b', 'c', 'd']],
    ['at a look', 2, ['c', 'd']],
    ['between two looks: a line more, never one less', 1.5, ['b', 'c', 'd']],
    ['at the last look', 4, ['']],
  ])('is found by when it was looked at: %s', async (_, minutes, expected) => {
    const log = await written();
    await log.start();
    await log.pass('a', 'b', 'c', 'd');

    expect(await log.since(minutes)).toEqual(expected);
  });

  it('begins at the last start', async () => {
    const log = await written();
    await log.start();
    await log.pass('a', 'b');
    await log.start();
    expect(await log.sinceStart()).toBe('');

    await log.pass('c');

    expect(await log.sinceStart()).toBe('c\n');
  });

  it('begins there too where the log was cut since, in what was moved away', async () => {
    const log = await written();
    await log.start();
    await log.pass('old');
    await log.start();
    await log.pass('new', 'x'.repeat(8 << 20), 'newest');

    expect(lstatSync(`${log.path}.1`).size).toBe(8 << 20);
    const lines = (await log.sinceStart()).split('\n');
    expect(lines.at(-2)).toBe('newest');
    expect(lines.some((line) => line.includes('old'))).toBe(false);
    expect(await log.since(3)).toEqual(['newest']);
  });

  it('is everything where nobody has looked, or somebody else has cut it', async () => {
    const log = await written();
    writeFileSync(log.path, 'a\n');
    expect(await log.since(3)).toEqual(['a']);
    await log.pass('a longer line');
    writeFileSync(log.path, 'b\n');

    expect(await log.since(3)).toEqual(['b']);
    expect(await log.sinceStart()).toBe('b\n');
  });

  it('is nothing less after the clock was set back', async () => {
    const log = await written();
    await log.pass('a');
    await log.clock.advance(60 * MINUTE_MS);
    await log.pass('b');
    log.clock.setWallClock(log.clock.now() - 60 * MINUTE_MS);
    await log.pass('c');

    expect(await log.since(2.5)).toEqual(['b', 'c']);
  });

  it.each(PLACED)('is everything with %s in the place of what is remembered', async (_, place) => {
    const { path, elsewhere } = placing(place, '.marks');
    const clock = createFakeClock();
    writeFileSync(path, 'a\n');

    expect(await readServiceLog(path, 100, 'start')).toBe('a\n');
    await keepLog(path, clock);

    expect(readFileSync(elsewhere, 'utf8')).toBe('not its own');
    expect(await readServiceLog(path, 100, clock.now())).toBe('');
  });

  it('is everything with rubbish in the place of what is remembered', async () => {
    const log = await written();
    writeFileSync(log.path, 'a\n');
    writeFileSync(`${log.path}.marks`, '1 2\n\u0000 9 start\n0 99999999999999999 look\n7 1 start');

    expect(await log.since(0)).toEqual(['a']);
    expect(await log.sinceStart()).toBe('a\n');
  });

  it('is remembered in little, however long it goes on', { timeout: 60_000 }, async () => {
    const log = await written();
    await log.start();
    await log.pass(...Array.from({ length: 1500 }, (_, n) => `${n}`));

    expect(lstatSync(`${log.path}.marks`).size).toBeLessThan(30_000);
    expect((await log.sinceStart()).startsWith('0\n1\n')).toBe(true);
    expect((await log.since(1490))[0]).toBe('1490');
    const [hoursAgo] = await log.since(1000);
    expect(Number(hoursAgo)).toBeLessThanOrEqual(1000);
    expect(Number(hoursAgo)).toBeGreaterThan(900);
  });
});
