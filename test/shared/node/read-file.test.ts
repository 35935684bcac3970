// Reading the agent's own files: what is no file at all must end at once, whatever stands in its place.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FairleadError } from '../../../shared/errors/error.ts';
import {
  absentOr,
  isMomentary,
  isNoFile,
  isPresent,
  namesIfPresent,
  readIfPresent,
  readTextIfPresent,
} from '../../../shared/node/read-file.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { dataOf, refusalOf, rejectionOf } from '../../support/error-code.ts';

describe('a file of the agent', () => {
  const place = () => join(temporaryDirectory(), 'settings.json');

  it('is read, also through a link', async () => {
    const path = place();
    writeFileSync(`${path}.there`, 'bytes');
    symlinkSync(`${path}.there`, path);

    expect(Buffer.from((await readIfPresent(path)) ?? []).toString()).toBe('bytes');
  });

  it('is null when it is not there', async () => {
    expect(await readIfPresent(place())).toBeNull();
  });

  it.each([
    ['a directory', (path: string) => mkdirSync(path)],
    ['a pipe that nobody writes to', (path: string) => execFileSync('mkfifo', [path])],
    ['a device that never ends', (path: string) => symlinkSync('/dev/zero', path)],
    ['a link to itself', (path: string) => symlinkSync(path, path)],
    ['a gigabyte', (path: string) => execFileSync('truncate', ['-s', '1G', path])],
  ])('is refused at once when it is %s', async (_, put) => {
    const path = place();
    put(path);

    await expect(readIfPresent(path)).rejects.toMatchObject({ code: 'disk/unreadable', data: { path } });
  });

  it('is refused at once when it is a socket', async () => {
    const path = place();
    const server = createServer().listen(path);
    await new Promise((listening) => server.once('listening', listening));

    await expect(readIfPresent(path)).rejects.toMatchObject({ code: 'disk/unreadable' });

    server.close();
  });

  it('may be as whole as ever when the process has no descriptors left, and is not when the disk cannot read it', () => {
    const error = (problem: string) => {
      const cause = Object.assign(new Error(problem), { code: problem });
      return new FairleadError('disk/unreadable', { path: '/a', problem }, { cause });
    };

    expect(['EMFILE', 'ENOMEM', 'EIO', 'EACCES'].map((problem) => isMomentary(error(problem)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('reading', () => {
  const place = () => join(temporaryDirectory(), 'file');

  it('takes as many bytes as it may, and says how many that are where there are more', async () => {
    const path = place();
    writeFileSync(path, 'abcd');

    expect(await readTextIfPresent(path, 4)).toBe('abcd');
    expect(dataOf(await rejectionOf(readIfPresent(path, 3)), 'disk/unreadable')).toEqual({
      path,
      problem: 'it holds more than 3 bytes',
    });
  });

  it('tells what is no file from what cannot be read', async () => {
    const path = place();
    symlinkSync(path, path);
    const directory = temporaryDirectory();
    const looping = await rejectionOf(readIfPresent(path));
    const noFile = await rejectionOf(readIfPresent(directory));
    const inFile = await rejectionOf(readIfPresent('/dev/null/x'));

    expect(dataOf(looping, 'disk/unreadable').problem).toBe('ELOOP');
    expect(dataOf(noFile, 'disk/unreadable').problem).toBe('it is no regular file');
    expect(dataOf(inFile, 'disk/unreadable').problem).toBe('ENOTDIR');
    expect(
      [looping, noFile, inFile, new FairleadError('file/missing', { path }), null].map(isNoFile),
    ).toEqual([true, true, false, false, false]);
  });

  it('finds names and presence, and nothing where nothing is', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'a'), '');

    expect(await namesIfPresent(directory)).toEqual(['a']);
    expect(await namesIfPresent(join(directory, 'b'))).toEqual([]);
    expect(await readTextIfPresent(join(directory, 'b'))).toBeNull();
    expect([await isPresent(join(directory, 'a')), await isPresent(join(directory, 'b'))]).toEqual([
      true,
      false,
    ]);
  });

  it('does not take for absent what it cannot ask', async () => {
    const path = join(temporaryDirectory(), 'a');
    writeFileSync(path, '');

    for (const asked of [namesIfPresent(path), isPresent(join(path, 'x'))]) {
      expect(dataOf(await rejectionOf(asked), 'disk/unreadable').problem).toBe('ENOTDIR');
    }
  });

  it('passes an error on that is ours already', () => {
    const ours = new FairleadError('file/missing', { path: '/a' });

    expect(refusalOf(() => absentOr('/b', ours, null))).toBe(ours);
    expect(isMomentary(ours)).toBe(false);
  });
});
