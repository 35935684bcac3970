// The process driver on real processes: the contract of all drivers, and what is its own.
import { execFile, spawn } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createProcessDriver } from '../../../../agent/adapters/drivers/process/process-driver.ts';
import {
  parseProcess,
  readBootId,
  readProcess,
  readVariable,
  signalProcess,
} from '../../../../agent/adapters/machine/process-table.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import type { Driver, ProgramUnit } from '../../../../agent/ports/deploy.ts';
import { COMPONENT, describeDriver, type Program, until } from '../../../support/driver-contract.ts';

const PROGRAMS: Readonly<Record<Program, readonly string[]>> = {
  steady: ['sh', '-c', 'echo ready; exec sleep 600'],
  stubborn: ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'],
  crashing: ['sh', '-c', 'sleep 0.1; exit 3'],
  missing: ['./no-such-program'],
};

async function createHarness() {
  const stateDir = await mkdtemp(join(tmpdir(), 'fairlead-driver-'));
  const tree = join(stateDir, 'tree');
  await mkdir(tree);
  const running = () => createProcessDriver({ stateDir });
  return {
    stateDir,
    driver: running,
    unit: (program: Program, identity: string) => unitOf(stateDir, PROGRAMS[program], identity),
    async dispose() {
      await running().stop(COMPONENT, 100);
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

function unitOf(stateDir: string, exec: readonly string[], identity: string): ProgramUnit {
  return {
    kind: 'process',
    component: COMPONENT,
    exec,
    env: { COLOUR: 'blue' },
    user: null,
    workingDirectory: join(stateDir, 'tree'),
    dataDirectory: join(stateDir, 'data', 'core', 'auth'),
    stopTimeoutMs: 1_000,
    identity,
  };
}

type Marker = Readonly<Record<string, string | undefined>>;

/** What the service that runs was marked with. */
async function markerOf(driver: Driver<ProgramUnit>): Promise<Marker> {
  const status = await driver.status(COMPONENT);
  const pid = status.kind === 'running' ? (status.pid ?? 0) : 0;
  const read = async (name: string) => [name, (await readVariable(pid, name)) ?? undefined];
  return Object.fromEntries(await Promise.all(['FAIRLEAD_SERVICE', 'FAIRLEAD_SEAL'].map(read)));
}

/** A process the agent did not start, in a session of its own or in that of somebody else. */
async function strangerWith(
  marker: Marker,
  { account = [] as readonly string[], inTerminal = false } = {},
): Promise<{ readonly pid: number; readonly leader: number }> {
  const words = Object.entries(marker).flatMap(([name, value]) => (value ? [`${name}=${value}`] : []));
  const sleep = [...account, 'env', ...words, 'sleep', '600'];
  const command = inTerminal ? ['sh', '-c', '"$@" & echo $!; exec sleep 600', 'sh', ...sleep] : sleep;
  const [program = '', ...rest] = command;
  const child = spawn(program, rest, { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  const leader = child.pid ?? 0;
  onTestFinished(() => void process.kill(-leader, 'SIGKILL'));
  const pid = inTerminal
    ? Number(await new Promise((resolve) => child.stdout.once('data', resolve)))
    : leader;
  const [word = ''] = words;
  const isReady = async () =>
    (await readFile(`/proc/${pid}/cmdline`, 'utf8')).startsWith('sleep') &&
    (await readFile(`/proc/${pid}/environ`, 'utf8')).includes(word);
  await until(isReady);
  return { pid, leader };
}

const startTimeOf = async (pid: number) => (await readProcess(pid))?.startTime;

describeDriver('the process driver', createHarness);

describe("a process in the kernel's table", () => {
  const stat = (state: string, threads: number) =>
    `77 (a) name)) ${state} 1 77 66 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 ${threads} 0 4711 0 0`;

  it.each([
    ['sleeps', 'S', 1, true],
    ['has ended and is not reaped', 'Z', 1, false],
    ['lives on in other threads than its first', 'Z', 2, true],
    ['is dead', 'X', 1, false],
  ])('that %s', (_, state, threads, lives) => {
    expect(parseProcess(77, stat(state, threads))).toEqual(
      lives ? { pid: 77, session: 66, startTime: '4711' } : null,
    );
  });
});

describe('the process driver', () => {
  let harness: Awaited<ReturnType<typeof createHarness>>;
  const pidFile = () => join(harness.stateDir, 'run', 'core.auth.json');
  const dataFile = (name: string) => join(harness.stateDir, 'data', 'core', 'auth', name);
  const start = (script: string, more: Partial<ProgramUnit> = {}) =>
    harness.driver().start({ ...unitOf(harness.stateDir, ['sh', '-c', script], 'v1'), ...more });

  beforeEach(async () => {
    harness = await createHarness();
  });
  afterEach(() => harness.dispose());

  it('finds a service whose agent was killed before it wrote the pid file', async () => {
    await start('exec sleep 600');
    const before = await harness.driver().status(COMPONENT);
    await rm(pidFile());

    const next = harness.driver();
    await next.start(unitOf(harness.stateDir, ['sh', '-c', 'exec sleep 600'], 'v1'));

    expect(await next.status(COMPONENT)).toEqual(before);
    expect(await next.stop(COMPONENT, 1_000)).toBe('stopped');
  });

  it('does not mistake a stranger for the service when the pid was given away', async () => {
    await start('exec sleep 600');
    await harness.driver().stop(COMPONENT, 1_000);
    const boot = await readBootId();
    const stranger = { pid: process.pid, startTime: '1', boot, identity: 'v1' };
    await writeFile(pidFile(), JSON.stringify(stranger));

    const status = await harness.driver().status(COMPONENT);
    const outcome = await harness.driver().stop(COMPONENT, 1_000);

    expect(status.kind).toBe('exited');
    expect(outcome).toBe('stopped');
  });

  it('ends every process of the service, also those in another session', async () => {
    await start('sleep 600 & setsid sleep 600 & echo $! >"$HOME/away"; echo ready; wait');
    await until(async () => (await harness.driver().logs(COMPONENT, 100)).includes('ready'));
    const away = Number(await readFile(dataFile('away'), 'utf8'));

    const outcome = await harness.driver().stop(COMPONENT, 2_000);

    expect(outcome).toBe('stopped');
    expect(await readProcess(away)).toBeNull();
  });

  it('hears that the service has ended, and does not wait until it would look again', async () => {
    const sleep = (_: number, signal?: AbortSignal) =>
      new Promise<void>((wake) => signal?.addEventListener('abort', () => wake(), { once: true }));
    const driver = createProcessDriver({ stateDir: harness.stateDir, clock: { ...systemClock, sleep } });
    await driver.start(unitOf(harness.stateDir, ['sh', '-c', 'exec sleep 600'], 'v1'));

    expect(await driver.stop(COMPONENT, 60_000)).toBe('stopped');
  });

  it('looks every so often once the first process has ended and others have not, and leaves nothing behind', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const sleep = (ms: number, signal?: AbortSignal) => {
      signals.push(signal);
      return systemClock.sleep(ms, signal);
    };
    const driver = createProcessDriver({ stateDir: harness.stateDir, clock: { ...systemClock, sleep } });
    const stubborn = `(trap 'sleep 0.3; exit' TERM; while :; do sleep 0.01; done) & sleep 600`;
    await driver.start(unitOf(harness.stateDir, ['sh', '-c', stubborn], 'v1'));
    await systemClock.sleep(200);

    expect(await driver.stop(COMPONENT, 60_000)).toBe('stopped');
    const [awaited, ...unheard] = [...new Set(signals)];
    expect([awaited?.aborted, unheard]).toEqual([true, [undefined]]);
    expect(getEventListeners(awaited as AbortSignal, 'abort')).toEqual([]);
    expect(signals.length).toBeLessThan(60);
  });

  it('spares the session of somebody who tries the service out with its environment', async () => {
    await start('exec sleep 600');
    const terminal = await strangerWith(await markerOf(harness.driver()), { inTerminal: true });

    await harness.driver().stop(COMPONENT, 2_000);

    expect(await readProcess(terminal.leader)).not.toBeNull();
    expect(await readProcess(terminal.pid)).toBeNull();
  });

  it.each<[string, (marker: Marker) => Marker]>([
    ['the service’s marker alone', ({ FAIRLEAD_SERVICE }) => ({ FAIRLEAD_SERVICE })],
    [
      'a seal of its own',
      (marker) => ({ ...marker, FAIRLEAD_SEAL: `${process.getuid?.()}:${'A'.repeat(43)}` }),
    ],
    [
      'the seal of another version',
      (marker) => ({ ...marker, FAIRLEAD_SERVICE: `${marker.FAIRLEAD_SERVICE}.1` }),
    ],
  ])('neither takes a process with %s for the service nor ends it', async (_, spoil) => {
    await start('exec sleep 600');
    const marker = spoil(await markerOf(harness.driver()));
    await harness.driver().stop(COMPONENT, 1_000);
    const stranger = await strangerWith(marker);

    const status = await harness.driver().status(COMPONENT);
    await harness.driver().stop(COMPONENT, 1_000);

    expect(status).toEqual({ kind: 'absent' });
    expect(await readProcess(stranger.pid)).not.toBeNull();
  });

  it.runIf(process.getuid?.() === 0)(
    'neither adopts nor ends another account’s process that holds the whole marker',
    async () => {
      await start('exec sleep 600');
      const marker = await markerOf(harness.driver());
      await harness.driver().stop(COMPONENT, 1_000);
      const stranger = await strangerWith(marker, {
        account: ['setpriv', '--reuid=nobody', '--clear-groups'],
      });

      const status = await harness.driver().status(COMPONENT);
      await harness.driver().stop(COMPONENT, 1_000);

      expect(status).toEqual({ kind: 'absent' });
      expect(await readProcess(stranger.pid)).not.toBeNull();
    },
  );

  it.runIf(process.getuid?.() === 0)(
    'spares what runs as root in the session of an unprivileged service',
    async () => {
      await chmod(join(harness.stateDir, 'tree'), 0o755);
      await start('echo $$ >"$HOME/leader"; exec sleep 600', { user: 'nobody' });
      await until(async () => (await stat(dataFile('leader')).catch(() => null)) !== null);
      const leader = Number(await readFile(dataFile('leader'), 'utf8'));
      // Stands for a set-user-id program that became root for good: the table shows it in the service's session.
      const note = JSON.parse(await readFile(pidFile(), 'utf8'));
      const daemon = await strangerWith({}, { inTerminal: true });
      await writeFile(
        pidFile(),
        JSON.stringify({ ...note, ...(await readProcess(daemon.leader)), session: undefined }),
      );

      await harness.driver().stop(COMPONENT, 1_000);

      expect(await readProcess(daemon.pid)).not.toBeNull();
      expect(await readProcess(leader)).toBeNull();
    },
  );

  it('spares a stranger that got the number of a session that has ended, in another control group', async () => {
    await start('exec sleep 600');
    const daemon = await strangerWith({}, { inTerminal: true });
    const note = JSON.parse(await readFile(pidFile(), 'utf8'));
    const elsewhere = { ...note, pid: daemon.leader, controlGroup: '/system.slice/fairlead-agent.service' };
    await harness.driver().stop(COMPONENT, 1_000);
    await writeFile(pidFile(), JSON.stringify({ ...elsewhere, startTime: await startTimeOf(daemon.leader) }));

    await harness.driver().stop(COMPONENT, 1_000);

    expect(await readProcess(daemon.pid)).not.toBeNull();
  });

  it('signals nobody who got the number of a process that was looked at', async () => {
    const stranger = await strangerWith({});

    expect(signalProcess({ pid: stranger.pid, startTime: '1' }, 'SIGKILL')).toBe(false);
    expect(await readProcess(stranger.pid)).not.toBeNull();
  });

  it('reads the pid file of an earlier agent, which named neither account nor control group', async () => {
    await start('sleep 600 & echo ready; exec sleep 600');
    // Whoever is begun while others are asked to end is not asked.
    await until(async () => (await harness.driver().logs(COMPONENT, 100)).includes('ready'));
    const before = await harness.driver().status(COMPONENT);
    const { pid, startTime, boot, identity } = JSON.parse(await readFile(pidFile(), 'utf8'));
    await writeFile(pidFile(), JSON.stringify({ pid, startTime, boot, identity }));

    expect(await harness.driver().status(COMPONENT)).toEqual(before);
    expect(await harness.driver().stop(COMPONENT, 2_000)).toBe('stopped');
  });

  it('ends what a crashed service left behind in its session', async () => {
    await start('sleep 600 & echo $! >"$HOME/child"; exit 1');
    await until(async () => (await harness.driver().status(COMPONENT)).kind === 'exited');
    const child = Number(await readFile(dataFile('child'), 'utf8'));

    await harness.driver().stop(COMPONENT, 2_000);

    expect(await readProcess(child)).toBeNull();
  });

  it('gives a service its own environment and nothing of the agent', async () => {
    process.env.FAIRLEAD_TEST_SECRET = 'agent only';

    await start('env >"$HOME/env.tmp"; mv "$HOME/env.tmp" "$HOME/env"; exec sleep 600');
    await until(async () => (await stat(dataFile('env')).catch(() => null)) !== null);
    delete process.env.FAIRLEAD_TEST_SECRET;

    const names = (await readFile(dataFile('env'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0])
      .filter((name) => name !== 'PWD' && name !== '_' && name !== 'OLDPWD' && name !== 'SHLVL')
      .sort();
    expect(names).toEqual(['COLOUR', 'FAIRLEAD_SEAL', 'FAIRLEAD_SERVICE', 'HOME', 'LANG', 'PATH']);
  });

  it('lets a service outlive an agent that is killed', async () => {
    const unit = unitOf(harness.stateDir, ['sh', '-c', 'exec sleep 600'], 'v1');
    const module = new URL('../../../../agent/adapters/drivers/process/process-driver.ts', import.meta.url)
      .href;
    const script = `const { createProcessDriver } = await import(${JSON.stringify(module)});
      await createProcessDriver({ stateDir: ${JSON.stringify(harness.stateDir)} }).start(${JSON.stringify(unit)});
      process.kill(process.pid, 'SIGKILL');`;

    const agent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    const signal = await new Promise((resolve) => agent.once('exit', (_, by) => resolve(by)));

    expect(signal).toBe('SIGKILL');
    expect(await harness.driver().runs(unit)).toBe(true);
  });

  it('cuts a log that has grown past its bound while the service writes on', async () => {
    await start('echo ready; while :; do sleep 0.05; echo still; done');
    const log = join(harness.stateDir, 'logs', 'core.auth.log');
    await until(async () => (await harness.driver().logs(COMPONENT, 100)).includes('ready'));
    await writeFile(log, Buffer.alloc((8 << 20) + 1, 'x'), { flag: 'a' });

    await harness.driver().maintain(COMPONENT);

    await until(async () => (await harness.driver().logs(COMPONENT, 100)).includes('still'));
    expect((await stat(log)).size).toBeLessThan(10_000);
    expect((await stat(`${log}.1`)).size).toBeGreaterThanOrEqual(8 << 20);
  });

  it('keeps what a service writes while its log is cut', async () => {
    const count = `let n = 0; setInterval(() => { for (let i = 0; i < 100; i++) console.log(n++) }, 1)`;
    await start('exec "$NODE" -e "$COUNT"', { env: { NODE: process.execPath, COUNT: count } });
    const log = join(harness.stateDir, 'logs', 'core.auth.log');
    const gapOfACut = async () => {
      await until(async () => (await stat(log).catch(() => ({ size: 0 }))).size > 100);
      await writeFile(log, `${'x'.repeat(8 << 20)}\n`, { flag: 'a' });
      await harness.driver().maintain(COMPONENT);
      await until(async () => (await stat(log)).size > 100);
      const [before, after] = await Promise.all([readFile(`${log}.1`, 'utf8'), readFile(log, 'utf8')]);
      const gap = Number(after.split('\n')[0]) - Number(before.trimEnd().split('\n').at(-1));
      // Nothing was written meanwhile.
      return Number.isNaN(gap) ? Number.POSITIVE_INFINITY : gap;
    };

    const gaps: number[] = [];
    while (gaps.length < 10 && Math.min(...gaps) > 3) gaps.push(await gapOfACut());

    // Between the last look and the cut there is room for a line, at thousands of lines a second. Now and then the kernel
    // gives the processor to the service just there: what copies late loses hundreds every time.
    expect(Math.min(...gaps), gaps.join(' ')).toBeLessThanOrEqual(3);
  });

  it('copies no more than the bound of a log that a service has made endless', async () => {
    await start('truncate -s 1T /dev/stdout; echo ready; exec sleep 600');
    const log = join(harness.stateDir, 'logs', 'core.auth.log');
    await until(async () => (await stat(log).catch(() => ({ size: 0 }))).size > 8 << 20);

    await harness.driver().maintain(COMPONENT);

    expect((await stat(log)).size).toBeLessThan(8 << 20);
    expect((await stat(`${log}.1`)).size).toBeLessThan(9 << 20);
  });

  it('gives a service the usual file mode mask, not the strict one of the agent', async () => {
    const own = process.umask(0o077);
    onTestFinished(() => void process.umask(own));

    await start('umask; exec sleep 600');

    await until(async () => (await harness.driver().logs(COMPONENT, 100)).includes('0022'));
    expect(process.umask()).toBe(0o077);
  });

  it('names an account that does not exist', async () => {
    await expect(start('exit 0', { user: 'no-such-account' })).rejects.toMatchObject({
      code: 'service/start-failed',
      data: { problem: expect.stringContaining('no-such-account') },
    });
  });

  it('runs a service as its own account in a home of its own, or says that only root can', async () => {
    await chmod(join(harness.stateDir, 'tree'), 0o755);
    const started = start('id -un >"$HOME/who.tmp"; mv "$HOME/who.tmp" "$HOME/who"; exec sleep 600', {
      user: 'nobody',
    });

    if (process.getuid?.() !== 0) {
      await expect(started).rejects.toMatchObject({ data: { problem: expect.stringContaining('root') } });
      return;
    }
    await started;
    await until(async () => (await stat(dataFile('who')).catch(() => null)) !== null);
    expect((await readFile(dataFile('who'), 'utf8')).trim()).toBe('nobody');
    expect((await stat(dataFile('who'))).uid).not.toBe(0);
    expect((await stat(harness.stateDir)).mode & 0o777).toBe(0o711);
  });

  it.runIf(process.getuid?.() === 0)('lets a service of another account open its log by name', async () => {
    await chmod(join(harness.stateDir, 'tree'), 0o755);

    await start('echo named > /dev/stderr; echo again >> /dev/stdout; exec sleep 600', { user: 'nobody' });

    await until(async () => (await harness.driver().logs(COMPONENT, 100)).includes('again'));
    expect(await harness.driver().logs(COMPONENT, 100)).toContain('named');
  });

  it('starts its service also where a directory stands in the place of the pid file', async () => {
    await mkdir(pidFile(), { recursive: true });
    await harness.driver().stop(COMPONENT, 1_000);

    await start('exec sleep 600');

    expect((await harness.driver().status(COMPONENT)).kind).toBe('running');
    expect((await stat(pidFile())).isFile()).toBe(true);
  });

  it('finds its service among more processes than it may have descriptors', async () => {
    await start('for _ in $(seq 60); do sleep 600 & done; echo ready; wait');
    await until(async () => (await harness.driver().logs(COMPONENT, 100)).includes('ready'));
    await rm(pidFile());
    const module = new URL('../../../../agent/adapters/drivers/process/process-driver.ts', import.meta.url)
      .href;
    const script = `
      const { createProcessDriver } = await import(${JSON.stringify(module)});
      const driver = createProcessDriver({ stateDir: ${JSON.stringify(harness.stateDir)} });
      process.stdout.write((await driver.status(${JSON.stringify(COMPONENT)})).kind);`;

    const { stdout } = await promisify(execFile)('prlimit', [
      ...['--nofile=48', process.execPath, '--input-type=module', '-e', script],
    ]);

    expect(stdout).toBe('running');
  });

  it('blames the machine, not the release, when it is out of descriptors', async () => {
    const unit = unitOf(harness.stateDir, ['sleep', '600'], 'v1');
    const module = new URL('../../../../agent/adapters/drivers/process/process-driver.ts', import.meta.url)
      .href;
    const failure = new URL('../../../../agent/core/deploy/failure.ts', import.meta.url).href;
    // With one descriptor fewer each time: first enough are left, then too few for one thing after the other.
    const script = `
      const { createProcessDriver } = await import(${JSON.stringify(module)});
      const { failureOf } = await import(${JSON.stringify(failure)});
      const { openSync } = await import('node:fs');
      const driver = createProcessDriver({ stateDir: ${JSON.stringify(harness.stateDir)} });
      const faults = new Set();
      for (;;) {
        try { openSync('/dev/null'); } catch { break; }
        await driver.start(${JSON.stringify(unit)}).catch((error) => faults.add(failureOf(error).fault));
        await driver.stop(${JSON.stringify(COMPONENT)}, 1000).catch(() => undefined);
      }
      process.stdout.write([...faults].join());`;

    const { stdout } = await promisify(execFile)('prlimit', [
      '--nofile=48',
      process.execPath,
      '--input-type=module',
      '-e',
      script,
    ]);

    expect(stdout).toBe('environment');
  });
});
