// What stands in a file's place gives up its name; what a kill left half-written goes; workers share a task.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { isDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { replaceDurably, setAside, settleDirectory } from '../../../shared/node/set-aside.ts';
import { forEachBounded } from '../../../shared/node/turns.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';

const place = () => join(temporaryDirectory(), 'state.json');
const asides = (path: string) => readdirSync(join(path, '..')).filter((name) => name.includes('.damaged'));
const fill = (path: string) => {
  mkdirSync(path);
  writeFileSync(join(path, 'kept'), 'inside');
};

describe('what is set aside', () => {
  it('is found again beside its place, and an earlier file makes room for it', async () => {
    const path = place();
    writeFileSync(`${path}.damaged`, 'earlier');
    writeFileSync(path, 'bytes');

    await setAside(path);

    expect(existsSync(path)).toBe(false);
    expect(readFileSync(`${path}.damaged`, 'utf8')).toBe('bytes');
  });

  it.each<[string, (path: string) => void, (path: string) => void]>([
    ['a directory over an earlier one with something in it', fill, fill],
    ['a file over an earlier directory', fill, (path) => writeFileSync(path, 'bytes')],
    ['a directory over an earlier file', (path) => writeFileSync(path, 'earlier'), fill],
  ])('loses nothing: %s', async (_what, earlier, now) => {
    const path = place();
    earlier(`${path}.damaged`);
    now(path);

    await setAside(path);

    expect(existsSync(path)).toBe(false);
    expect(asides(path).toSorted()).toEqual([
      'state.json.damaged',
      expect.stringMatching(/^state\.json\.damaged-[0-9a-f]{8}$/),
    ]);
  });

  it('may be gone already', async () => {
    await setAside(place());
  });

  it('is refused by name where the system does not let it', async () => {
    expect((await rejectionOf(setAside('/dev/null/state.json'))).code).toBe('disk/failed');
  });
});

describe('a durable write', () => {
  it('is for its owner alone unless it says otherwise, leaves nothing beside it, and takes the place of a link', async () => {
    const path = place();
    symlinkSync('/nowhere', path);

    await replaceDurably(path, utf8('bytes'));

    expect(statSync(path).mode & 0o777).toBe(0o600);
    await writeDurably(path, utf8('others'), 0o644);
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['others', 0o644]);
    expect(readdirSync(join(path, '..'))).toEqual(['state.json']);
  });

  it('lets a directory give up its name first', async () => {
    const path = place();
    fill(path);

    await replaceDurably(path, utf8('bytes'));

    expect(readFileSync(path, 'utf8')).toBe('bytes');
    expect(readFileSync(join(`${path}.damaged`, 'kept'), 'utf8')).toBe('inside');
  });

  it('that fails leaves nothing half-written and what was there before', async () => {
    const path = place();
    fill(path);

    expect((await rejectionOf(writeDurably(path, utf8('bytes')))).code).toBe('disk/failed');
    expect(readdirSync(join(path, '..'))).toEqual(['state.json']);
    expect(await isDirectory(path)).toBe(true);
  });
});

describe('a directory after a kill', () => {
  it('loses what was half-written, at any depth, and nothing else', async () => {
    const top = temporaryDirectory();
    for (const name of ['in', 'out', '.work.tmp']) mkdirSync(join(top, name));
    mkdirSync(join(top, 'in', '.tree.00ff.tmp'));
    const half = ['.a.00ff.tmp', 'conf.json.tmp-00112233445566ff', 'in/.b.00ff.tmp', 'in/.tree.00ff.tmp/x'];
    const whole = [
      'a',
      'a.tmp',
      '.tmp',
      'b.tmp-00',
      'x.a.tmp',
      '.a.tmp.kept',
      'c.tmp-00112233445566ff0',
      'c.tmp-00112233445566FF',
      'out/.c.00ff.tmp',
      '.work.tmp/.e.00ff.tmp',
      'in/d',
    ];
    for (const name of [...half, ...whole]) writeFileSync(join(top, name), '');

    await settleDirectory(top, new Set(['out', '.work.tmp']));

    const left = readdirSync(top, { recursive: true, encoding: 'utf8' }).filter(
      (name) => !['in', 'out', '.work.tmp'].includes(name),
    );
    expect(left.toSorted()).toEqual(whole.toSorted());
  });

  it('that is not there is refused by name', async () => {
    expect((await rejectionOf(settleDirectory('/nowhere/at/all', new Set()))).code).toBe('disk/failed');
  });
});

describe('a task for many', () => {
  it('is done for each once, so many at a time, by workers that are told apart', async () => {
    const done: number[] = [];
    const working = new Set<number>();
    let most = 0;
    await forEachBounded([1, 2, 3, 4, 5, 6, 7], 3, async (item, worker) => {
      expect(working.has(worker)).toBe(false);
      working.add(worker);
      most = Math.max(most, working.size);
      await Promise.resolve();
      working.delete(worker);
      done.push(item);
    });

    expect(done.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });

  it('ends with the first failure, after all that had begun, and begins nothing more', async () => {
    const ended: number[] = [];
    const work = forEachBounded([1, 2, 3, 4], 2, async (item) => {
      if (item === 1) throw new Error('first');
      await Promise.resolve().then(() => Promise.resolve());
      ended.push(item);
    });

    await expect(work).rejects.toThrow('first');
    expect(ended).toEqual([2]);
  });
});
