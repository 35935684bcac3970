// The lock of a directory: one holder, and nothing left of it afterwards.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tryLock } from '../../../shared/node/lock.ts';
import { rejectionOf } from '../../support/error-code.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-lock-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('a lock', () => {
  it('is held by one at a time, and free again after', async () => {
    const path = join(dir, 'lock');
    const first = await tryLock(path);

    const second = await tryLock(path);
    first?.release();
    const third = await tryLock(path);
    third?.release();

    expect([first === null, second === null, third === null]).toEqual([false, true, false]);
  });

  it('that cannot be taken at all is no sign of another holder', async () => {
    expect((await rejectionOf(tryLock(join(dir, 'missing', 'lock')))).code).toBe('disk/failed');
  });
});
