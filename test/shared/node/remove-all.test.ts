// Removing everything in a directory: what is not ours to remove stays, and keeps nothing else from going.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeAll } from '../../../shared/node/remove-all.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { freeze, mountOver, NO_FREEZE, NO_MOUNT } from '../../support/held-files.ts';

describe('removing all', () => {
  it('takes files, links, pipes and directories in directories', async () => {
    const top = join(temporaryDirectory(), 'top');
    mkdirSync(join(top, 'a/b/c'), { recursive: true });
    writeFileSync(join(top, 'a/b/file'), 'x');
    symlinkSync('nowhere', join(top, 'a/link'));
    spawnSync('mkfifo', [join(top, 'a/pipe')]);

    await removeAll(top);

    expect(existsSync(top)).toBe(false);
  });

  it.each(['absent', 'file/below a file'])('has nothing to do where there is %s', async (name) => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'file'), 'x');

    await expect(removeAll(join(directory, name))).resolves.toBeUndefined();
  });

  it('takes a link away and leaves alone what it leads to', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'kept/below'), { recursive: true });
    mkdirSync(join(directory, 'top'));
    symlinkSync('../kept', join(directory, 'top/link'));
    symlinkSync('kept', join(directory, 'link'));

    await removeAll(join(directory, 'top'));
    await removeAll(join(directory, 'link'));

    expect(readdirSync(directory)).toEqual(['kept']);
    expect(readdirSync(join(directory, 'kept'))).toEqual(['below']);
  });

  it('takes directories that their owner has closed', async () => {
    const top = join(temporaryDirectory(), 'top');
    mkdirSync(join(top, 'closed/below'), { recursive: true });
    chmodSync(join(top, 'closed'), 0o500);

    await removeAll(top);

    expect(existsSync(top)).toBe(false);
  });

  it('leaves what cannot be removed, takes the rest, and says what it was', async ({ skip }) => {
    const top = join(temporaryDirectory(), 'top');
    mkdirSync(join(top, 'a'), { recursive: true });
    for (const name of ['a/held', 'a/other', 'z']) writeFileSync(join(top, name), 'x');
    skip(!freeze(join(top, 'a/held')), NO_FREEZE);

    const refusal = await rejectionOf(removeAll(top));

    expect(refusal).toMatchObject({ code: 'disk/immovable', data: { path: join(top, 'a/held') } });

    expect(readdirSync(top)).toEqual(['a']);
    expect(readdirSync(join(top, 'a'))).toEqual(['held']);
  });

  it('never enters what is mounted, on the same disk or not', async ({ skip }) => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'kept'));
    writeFileSync(join(directory, 'kept/precious'), 'x');
    const mounted = join(directory, 'top/a/mounted');
    mkdirSync(mounted, { recursive: true });
    writeFileSync(join(directory, 'top/z'), 'x');
    skip(!mountOver(join(directory, 'kept'), mounted), NO_MOUNT);

    const refusal = await rejectionOf(removeAll(join(directory, 'top')));

    expect(refusal).toMatchObject({ code: 'disk/immovable', data: { path: mounted } });
    expect(readFileSync(join(directory, 'kept/precious'), 'utf8')).toBe('x');
    expect(existsSync(join(directory, 'top/z'))).toBe(false);
  });
});
