// A secret in a file of its own: one line, from a real file, or refused by name.
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readDocument, readNamed, readSecret, writeNew } from '../../../shared/node/named-file.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { dataOf, rejectionOf } from '../../support/error-code.ts';

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

describe('a secret that is refused', () => {
  it.each([
    ['', 'its first line is empty'],
    ['\n', 'its first line is empty'],
    ['\r\n', 'its first line is empty'],
    ['one\ntwo', 'it holds more than one line'],
    ['one\rtwo', 'it holds more than one line'],
    ['one\n\n', 'it holds more than one line'],
  ])('says why: %j', async (text, problem) => {
    const path = place();
    writeFileSync(path, text);

    expect(dataOf(await rejectionOf(readSecret(path)), 'file/no-secret')).toEqual({ path, problem });
  });

  it('is longer than 64 KiB', async () => {
    const path = place();
    writeFileSync(path, 'a'.repeat(65_536));
    expect(await readSecret(path)).toHaveLength(65_536);
    writeFileSync(path, 'a'.repeat(65_537));
    expect((await rejectionOf(readSecret(path))).code).toBe('disk/unreadable');
  });
});

describe('a file that a person names', () => {
  it('is for whom its writer says', async () => {
    const path = place();
    await writeNew(path, 'text', 0o640);

    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['text', 0o640]);
  });

  it('is refused where it cannot stand, as what the system says', async () => {
    const path = join(place(), 'deeper', 'file');

    expect(dataOf(await rejectionOf(writeNew(path, 'text', 0o600)), 'disk/failed')).toEqual({
      path,
      problem: 'ENOENT',
    });
    writeFileSync(place(), '');
  });

  it('is missing by its name, and read as the document it should be', async () => {
    const path = place();
    const schema = z.strictObject({ a: z.int() });

    expect(dataOf(await rejectionOf(readDocument(path, schema)), 'file/missing')).toEqual({ path });
    writeFileSync(path, '{"a":1}');
    expect(await readDocument(path, schema)).toEqual({ a: 1 });
    expect((await rejectionOf(readNamed(path, 6))).code).toBe('disk/unreadable');
    writeFileSync(path, '{"a":0.5}');
    expect((await rejectionOf(readDocument(path, schema))).message).toContain(path);
  });
});
