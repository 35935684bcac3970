// A service's log where the service has put something else: nothing is read or written through it, and nothing waits.
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { boundLog, openLog, readBothLogs, readTail } from '../../../../agent/adapters/drivers/service-log.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

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

    expect(await readTail(path, 100)).toBe('');
    await boundLog(path);
  });

  it.each(PLACED)('%s gives way to the log of the next start', async (_, place) => {
    const { path, elsewhere } = placing(place);

    const log = await openLog(path, {});
    await log.write('ready');
    await log.close();

    expect(await readTail(path, 100)).toBe('ready');
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

    expect(await readBothLogs(path, bytes)).toBe(expected);
  });
});
