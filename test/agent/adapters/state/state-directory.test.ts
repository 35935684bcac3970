// The state lock between real processes: one holder, and no lock that outlives it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { acquireStateLock } from '../../../../agent/adapters/state/state-directory.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';

const MODULE = new URL('../../../../agent/adapters/state/state-directory.ts', import.meta.url).href;

/** Another process that takes the lock, says so, and holds it until it is killed. */
async function holderOf(stateDir: string): Promise<ChildProcess> {
  const script = `
    const { acquireStateLock } = await import(${JSON.stringify(MODULE)});
    await acquireStateLock(${JSON.stringify(stateDir)});
    process.stdout.write('held');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  return child;
}

describe('the state lock', () => {
  it('is refused while another process holds it', async () => {
    const stateDir = temporaryDirectory();
    await holderOf(stateDir);

    expect((await rejectionOf(acquireStateLock(stateDir))).code).toBe('agent/already-running');
  });

  it('is free again the moment its holder is killed', async () => {
    const stateDir = temporaryDirectory();
    const holder = await holderOf(stateDir);

    holder.kill('SIGKILL');
    await once(holder, 'exit');

    (await acquireStateLock(stateDir)).release();
  });

  it('is free again when it is released', async () => {
    const stateDir = join(temporaryDirectory(), 'made', 'on', 'the', 'way');

    (await acquireStateLock(stateDir)).release();

    (await acquireStateLock(stateDir)).release();
    expect(existsSync(stateDir)).toBe(true);
  });

  it('does not keep agents on different directories apart', async () => {
    const first = await acquireStateLock(temporaryDirectory());
    const second = await acquireStateLock(temporaryDirectory());

    first.release();
    second.release();
  });

  it.each([
    ['was moved away', (stateDir: string) => renameSync(stateDir, `${stateDir}.moved`)],
    ['was removed', (stateDir: string) => rmSync(stateDir, { recursive: true })],
    [
      'was replaced by another one',
      (stateDir: string) => {
        cpSync(stateDir, `${stateDir}.backup`, { recursive: true });
        renameSync(stateDir, `${stateDir}.moved`);
        renameSync(`${stateDir}.backup`, stateDir);
      },
    ],
  ])('is no longer in place when its directory %s', async (_, change) => {
    const stateDir = join(temporaryDirectory(), 'state');
    const lock = await acquireStateLock(stateDir);
    const before = await lock.isInPlace();

    change(stateDir);

    expect([before, await lock.isInPlace()]).toEqual([true, false]);
    lock.release();
  });
});
