// Accounts of the machine: who a service runs as, and how often the machine is asked that.
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { resolveAccount } from '../../../../agent/adapters/machine/account.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const PATH = process.env.PATH ?? '';
const isRoot = process.getuid?.() === 0;

afterEach(() => {
  process.env.PATH = PATH;
  vi.useRealTimers();
});

/** A machine whose accounts are what stands in a file, and that notes each question. */
async function machineWith(uid: string) {
  const directory = temporaryDirectory();
  const [answer, asked, program] = ['answer', 'asked', 'id'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(answer, uid);
  await writeFile(asked, '');
  await writeFile(program, `#!/bin/sh\necho "$1" >> ${asked}\ncat ${answer}\n`);
  await chmod(program, 0o755);
  process.env.PATH = `${directory}:${PATH}`;
  return {
    change: (to: string) => writeFile(answer, to),
    questions: async () => (await readFile(asked, 'utf8')).split('\n').length - 1,
  };
}

describe.runIf(isRoot)('an account of the machine', () => {
  it('is asked for once by all that ask in the same seconds', async () => {
    const machine = await machineWith('4711\n');

    const accounts = await Promise.all([1, 2, 3].map(() => resolveAccount('first', 'core/auth')));
    accounts.push(await resolveAccount('first', 'core/api'));

    expect(accounts).toEqual(Array(4).fill({ uid: 4711, gid: 4711, groups: [4711] }));
    expect(await machine.questions()).toBe(3);
  });

  it('is asked for anew once those are over', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const machine = await machineWith('4711\n');
    await resolveAccount('second', 'core/auth');
    await machine.change('4712\n');

    vi.advanceTimersByTime(4_999);
    expect(await resolveAccount('second', 'core/auth')).toMatchObject({ uid: 4711 });
    vi.advanceTimersByTime(1);
    expect(await resolveAccount('second', 'core/auth')).toMatchObject({ uid: 4712 });
  });

  it('that is not there is there as soon as somebody adds it', async () => {
    const machine = await machineWith('');

    // An answer without a number in it is no account, and least of all that of number 0.
    await expect(resolveAccount('third', 'core/auth')).rejects.toMatchObject({
      code: 'service/start-failed',
    });

    await machine.change('4711\n');

    expect(await resolveAccount('third', 'core/auth')).toMatchObject({ uid: 4711 });
  });
});
