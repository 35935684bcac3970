// Accounts of the machine: who a service runs as, and how often the machine is asked that.
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createCommandDriver } from '../../../../agent/adapters/drivers/command/command-driver.ts';
import { createProcessDriver } from '../../../../agent/adapters/drivers/process/process-driver.ts';
import { recallAccount, resolveAccount } from '../../../../agent/adapters/machine/account.ts';
import { readOwner } from '../../../../agent/adapters/machine/process-table.ts';
import { createProber } from '../../../../agent/adapters/machine/run-command.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { COMPONENT } from '../../../support/driver-contract.ts';

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

type Place = ReturnType<typeof placeOf> & { readonly user: string };

function placeOf(stateDir: string) {
  const dataDirectory = join(stateDir, 'data');
  return { stateDir, dataDirectory, workingDirectory: stateDir, component: COMPONENT, env: {} };
}

/** Not the machine's of the test. */
const ID = '/usr/bin/id -u';

/** Each answers who it ran as. */
const STARTS: Readonly<Record<string, (place: Place) => Promise<number | null>>> = {
  async 'a service'({ stateDir, ...place }) {
    const driver = createProcessDriver({ stateDir });
    onTestFinished(async () => void (await driver.stop(COMPONENT, 1_000)));
    const unit = { ...place, kind: 'process', stopTimeoutMs: 1_000, identity: 'v1' } as const;
    await driver.start({ ...unit, exec: ['sleep', '600'] });
    const status = await driver.status(COMPONENT);
    return await readOwner((status.kind === 'running' && status.pid) || 0);
  },
  async 'a command that starts one'({ stateDir, ...place }) {
    const driver = createCommandDriver({
      stateDir,
      runtimeDirectory: join(stateDir, 'run'),
      clock: systemClock,
    });
    const patience = { startTimeoutMs: 5_000, stopTimeoutMs: 5_000, statusTimeoutMs: 5_000 };
    const unit = {
      ...place,
      ...patience,
      kind: 'command',
      identity: 'v1',
      stop: ['true'],
      status: ['true'],
    } as const;
    await driver.start({ ...unit, start: ['sh', '-c', `exec ${ID}`] });
    return Number(await driver.logs(COMPONENT, 100));
  },
  async 'a hook or a smoke test'(place) {
    const exec = ['sh', '-c', `${ID}; exit 1`];
    const signal = new AbortController().signal;
    const { detail } = await createProber().probe({ ...place, kind: 'exec', exec, timeoutMs: 5_000 }, signal);
    return Number(detail.split(': ').at(-1));
  },
};

describe.runIf(isRoot)('an account of the machine', () => {
  it('is asked for once by all that look in the same seconds', async () => {
    const machine = await machineWith('4711\n');

    const accounts = await Promise.all([1, 2, 3].map(() => recallAccount('first', 'core/auth')));
    accounts.push(await recallAccount('first', 'core/api'));

    expect(accounts).toEqual(Array(4).fill({ uid: 4711, gid: 4711, groups: [4711] }));
    expect(await machine.questions()).toBe(3);
  });

  it('is asked for anew once those are over', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const machine = await machineWith('4711\n');
    await recallAccount('second', 'core/auth');
    await machine.change('4712\n');

    vi.advanceTimersByTime(4_999);
    expect(await recallAccount('second', 'core/auth')).toMatchObject({ uid: 4711 });
    vi.advanceTimersByTime(1);
    expect(await recallAccount('second', 'core/auth')).toMatchObject({ uid: 4712 });
  });

  it('is asked for anew by whoever starts something as it, and all that look then know', async () => {
    const machine = await machineWith('4711\n');
    await recallAccount('fourth', 'core/auth');
    await machine.change('4712\n');

    expect(await resolveAccount('fourth', 'core/auth')).toMatchObject({ uid: 4712 });
    expect(await recallAccount('fourth', 'core/auth')).toMatchObject({ uid: 4712 });
    expect(await machine.questions()).toBe(6);
  });

  it.each(Object.entries(STARTS))(
    'that changed since it was looked at is as it is now for %s',
    async (kind, start) => {
      const machine = await machineWith('4711\n');
      const user = `of ${kind}`;
      await recallAccount(user, COMPONENT);
      await machine.change('4712\n');

      expect(await start({ ...placeOf(temporaryDirectory()), user })).toBe(4712);
    },
  );

  it('is asked for once by the probes of the same seconds, which run as what a start has found since', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const machine = await machineWith('4711\n');
    const place = { ...placeOf(temporaryDirectory()), user: 'fifth', isRecurring: true } as const;
    const exec = ['sh', '-c', `${ID}; exit 1`];
    const prober = createProber();
    const asked = async () => {
      const probe = { ...place, kind: 'exec', exec, timeoutMs: 5_000 } as const;
      return (await prober.probe(probe, new AbortController().signal)).detail;
    };

    expect([await asked(), await asked(), await asked()]).toEqual(Array(3).fill('exit status 1: 4711'));
    expect(await machine.questions()).toBe(3);

    await machine.change('4712\n');
    await resolveAccount('fifth', COMPONENT);

    expect(await asked()).toBe('exit status 1: 4712');
    expect(await machine.questions()).toBe(6);
  });

  it('that is not there is there as soon as somebody adds it', async () => {
    const machine = await machineWith('');

    // An answer without a number in it is no account, and least of all that of number 0.
    await expect(recallAccount('third', 'core/auth')).rejects.toMatchObject({
      code: 'service/start-failed',
    });

    await machine.change('4711\n');

    expect(await recallAccount('third', 'core/auth')).toMatchObject({ uid: 4711 });
  });
});
