// A secret in a file of its own: one line, from a real file, or refused by name.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSecret, writeNew } from '../../../shared/node/named-file.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';

const place = () => join(temporaryDirectory(), 'passphrase');

describe('a secret in a file', () => {
  it.each(['a secret', 'a secret\n', 'a secret\r\n'])('is the line in %j', async (text) => {
    const path = place();
    writeFileSync(path, text);

    expect(await readSecret(path)).toBe('a secret');
  });

  it.each<[string, (path: string) => void, string]>([
    ['it is not there', () => undefined, 'file/missing'],
    ['it is empty', (path) => writeFileSync(path, ''), 'file/no-secret'],
    ['its first line is empty', (path) => writeFileSync(path, '\nsecret\n'), 'file/no-secret'],
    ['two lines stand in it', (path) => writeFileSync(path, 'one\ntwo\n'), 'file/no-secret'],
    ['it is a pipe', (path) => execFileSync('mkfifo', [path]), 'disk/unreadable'],
    ['it is a disk image', (path) => execFileSync('truncate', ['-s', '1M', path]), 'disk/unreadable'],
  ])('is refused where %s', async (_what, put, code) => {
    const path = place();
    put(path);

    expect((await rejectionOf(readSecret(path))).code).toBe(code);
  });

  it('is never written over', async () => {
    const path = place();
    await writeNew(path, 'first', 0o600);

    expect((await rejectionOf(writeNew(path, 'second', 0o600))).code).toBe('file/exists');
    expect(await readSecret(path)).toBe('first');
  });
});
