// Reading the agent's own files: what is no file at all must end at once, whatever stands in its place.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FairleadError } from '../../../shared/errors/error.ts';
import { isMomentary, readIfPresent } from '../../../shared/node/read-file.ts';
import { temporaryDirectory } from '../../support/directories.ts';

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
