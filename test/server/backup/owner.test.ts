// Typed as root beside a service with an account of its own: what backups leave is that account's.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryDirectory } from '../../support/directories.ts';
import { callServer } from '../../support/server-process.ts';

const NOBODY = 65_534;

it.skipIf(process.getuid?.() !== 0)(
  'a backup and a restore by root are the account’s whose directory it is',
  { timeout: 120_000 },
  async () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o711);
    const [dir, place, restored, key] = ['server', 'place', 'restored', 'key'].map((name) =>
      join(directory, name),
    ) as [string, string, string, string];
    writeFileSync(key, `${'k'.repeat(40)}\n`, { mode: 0o600 });
    for (const one of [place, restored]) {
      mkdirSync(one);
      chownSync(one, NOBODY, NOBODY);
    }
    expect((await callServer(['init', '--dir', dir])).status).toBe(0);
    execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, dir]);
    const words = ['--backup', place, '--backup-key-file', key];

    const made = await callServer(['backup', '--dir', dir, ...words]);
    const back = await callServer(['restore', '--dir', restored, ...words]);

    expect([made.status, made.stderr, back.status, back.stderr]).toEqual([0, '', 0, '']);
    const all = [dir, place, restored].flatMap((at) =>
      readdirSync(at, { recursive: true, encoding: 'utf8' }).map((name) => join(at, name)),
    );
    expect(all.filter((path) => statSync(path).uid !== NOBODY)).toEqual([]);
  },
);
