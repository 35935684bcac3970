// Finding programs: as the system would, and what it would not run is named before anything stops for it.
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { findProgram } from '../../../../agent/adapters/machine/find-program.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

function directoryWith(text: string | Buffer, mode = 0o755): string {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  writeFileSync(join(directory, 'serve'), text);
  chmodSync(join(directory, 'serve'), mode);
  return directory;
}

const calling = (program: string, workingDirectory: string, more = {}) =>
  findProgram({ program, workingDirectory, user: null, path: null, ...more });

describe('a program', () => {
  it('is found in PATH, beside the release, and by its whole path', async () => {
    const directory = directoryWith('#!/bin/sh\n');

    await calling('sh', '/');
    await calling('./serve', directory);
    await calling(join(directory, 'serve'), '/');
    await calling('serve', '/', { path: `/nowhere:${directory}` });
    await calling('serve', directory, { path: '.' });
  });

  it.each([
    ['that is nowhere', 'no-such-program'],
    ['whose path leads nowhere', './no-such-program'],
    ['that may not be run', './serve'],
    ['that is a directory', '..'],
  ])('%s is named', async (_, program) => {
    await expect(calling(program, directoryWith('#!/bin/sh\n', 0o644))).rejects.toMatchObject({
      code: 'service/no-program',
      data: { program },
    });
  });

  it('is not looked for on the agent’s own PATH where its release names another', async () => {
    await expect(calling('sh', '/', { path: '/nowhere' })).rejects.toMatchObject({
      code: 'service/no-program',
    });
  });

  it.each([
    ['an interpreter that is not there', '#!/opt/no/such/python3\n'],
    ['an interpreter behind env that is not there', '#!/usr/bin/env no-such-python\n'],
    ['the same behind options of env', '#!/usr/bin/env -S A=1 no-such-python -u\n'],
    ['a line that ends as on another system', '#!/bin/sh\r\nexit 0\r\n'],
    ['another machine', elf({ machine: process.arch === 'arm64' ? 62 : 183 })],
    ['another C library', elf({ loader: '/lib/ld-no-such.so.1' })],
  ])('that asks for %s is named', async (_, text) => {
    await expect(calling('./serve', directoryWith(text))).rejects.toMatchObject({
      code: 'service/not-runnable',
      data: { program: './serve' },
    });
  });

  it.each([
    ['a script of a shell', '#! /bin/sh -e\n'],
    ['a script behind env', '#!/usr/bin/env -S A=1 sh -e\n'],
    ['a text without a first line', 'exit 0\n'],
    ['nothing', ''],
    ['a header cut short', elf({}).subarray(0, 63)],
    ['a table that lies outside the file', elf({ table: 2 ** 40 })],
  ])('that is %s passes', async (_, text) => {
    await calling('./serve', directoryWith(text));
  });

  it('that is a real one passes', async () => {
    const directory = temporaryDirectory();
    copyFileSync(process.execPath, join(directory, 'serve'));

    await calling('./serve', directory);
  });

  it.runIf(process.getuid?.() === 0)('is looked at as the account that will run it', async () => {
    const directory = directoryWith('#!/bin/sh\n');
    await calling('./serve', directory, { user: 'nobody' });
    mkdirSync(join(directory, 'closed'), { mode: 0o700 });
    copyFileSync(join(directory, 'serve'), join(directory, 'closed/serve'));

    await expect(calling('./closed/serve', directory, { user: 'nobody' })).rejects.toMatchObject({
      code: 'service/not-runnable',
    });
    await expect(calling('./serve', directory, { user: 'no-such-account' })).rejects.toMatchObject({
      code: 'service/not-runnable',
    });
  });

  it.runIf(process.getuid?.() === 0)(
    'shows nothing of the agent to the account that will run it',
    async () => {
      const directory = directoryWith('#!/bin/sh\n');
      mkdirSync(join(directory, 'bin'), { mode: 0o755 });
      writeFileSync(join(directory, 'seen'), '', { mode: 0o666 });
      chmodSync(join(directory, 'seen'), 0o666);
      writeFileSync(join(directory, 'bin/test'), `#!/bin/sh\n/usr/bin/env > ${directory}/seen\n`);
      chmodSync(join(directory, 'bin/test'), 0o755);
      vi.stubEnv('PATH', `${join(directory, 'bin')}:${process.env.PATH}`);
      vi.stubEnv('FAIRLEAD_TEST_SECRET', 'agent only');
      onTestFinished(() => void vi.unstubAllEnvs());

      await calling('./serve', directory, { user: 'nobody' });

      expect(readFileSync(join(directory, 'seen'), 'utf8')).toContain('PATH=');
      expect(readFileSync(join(directory, 'seen'), 'utf8')).not.toContain('agent only');
    },
  );
});

/** The head of a program for this machine, or for another. */
function elf({ machine = process.arch === 'arm64' ? 183 : 62, loader = '', table = 64 }): Buffer {
  const head = Buffer.alloc(64 + 56 + 64);
  head.write('\x7fELF\x02\x01\x01', 'latin1');
  head.writeUInt16LE(machine, 18);
  head.writeBigUInt64LE(BigInt(table), 32);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  head.writeUInt32LE(loader === '' ? 1 : 3, 64);
  head.writeBigUInt64LE(120n, 64 + 8);
  head.writeBigUInt64LE(BigInt(loader.length + 1), 64 + 32);
  head.write(loader, 120, 'latin1');
  return head;
}
