// The systemd driver against a real service manager, booted for these tests alone.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSystemdDriver } from '../../../../agent/adapters/drivers/systemd/systemd-driver.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import type { Driver, ProgramUnit } from '../../../../agent/ports/deploy.ts';
import { describeBooted } from '../../../support/booted.ts';
import { COMPONENT, describeDriver, type Program, until } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';

const UNIT_DIRECTORY = '/etc/systemd/system';
const UNIT_NAME = 'fairlead-core.auth.service';
const UNIT_FILE = `${UNIT_DIRECTORY}/${UNIT_NAME}`;

function said(program: string, ...words: readonly string[]): string {
  return spawnSync(program, words, { maxBuffer: 1 << 26 }).stdout.toString();
}

describeBooted('the systemd driver', import.meta.filename, () => {
  describeDriver('the systemd driver', async () => createHarness());
  ownPromises();
});

function ownPromises(): void {
  let harness: ReturnType<typeof createHarness>;
  let driver: Driver<ProgramUnit>;
  const never = new AbortController().signal;

  beforeEach(() => {
    harness = createHarness();
    driver = harness.driver();
  });
  afterEach(() => harness.dispose());

  it('gives a program exactly its words and variables, whatever characters they hold', async () => {
    const text = fc
      .string({ unit: 'binary', maxLength: 40 })
      .map((any) => any.toWellFormed().replace(NO_TEXT, ''));
    const awkward = fc.constantFrom(...AWKWARD);
    const words = fc.array(fc.oneof(text, awkward), { minLength: 50, maxLength: 100 });

    await fc.assert(
      fc.asyncProperty(words, words, async (args, values) => {
        const env = Object.fromEntries(values.map((value, index) => [`V${index}`, value]));

        const seen = await whatAProgramSees(args, env);

        expect(seen.args).toEqual(args);
        expect(seen.env).toMatchObject(env);
      }),
      { numRuns: 2, endOnFailure: true },
    );
  });

  it.each(['\0', '\ufdd0', '\u{1ffff}'])('refuses %j, which no program can be given', async (character) => {
    const unit = { ...harness.unit('steady', 'v1'), env: { A: character } };

    const refusal = await rejectionOf(driver.start(unit));

    expect(refusal.code).toBe('service/start-failed');
    expect(() => statSync(UNIT_FILE)).toThrow('ENOENT');
  });

  it('keeps secrets out of the unit, which everybody may read, and removes them with the service', async () => {
    const unit = { ...harness.unit('steady', 'v1'), env: { PASSWORD: 'correct horse' } };

    await driver.start(unit);

    expect(readFileSync(UNIT_FILE, 'utf8')).not.toContain('correct horse');
    expect(statSync(harness.environmentFile).mode & 0o777).toBe(0o600);
    await driver.stop(COMPONENT, 1000);
    expect(() => statSync(harness.environmentFile)).toThrow('ENOENT');
    expect(() => statSync(UNIT_FILE)).toThrow('ENOENT');
  });

  it('shows a secret to nobody: not in what systemd says of the unit, not in a file, a command line or the journal', async () => {
    const secret = randomUUID();
    const unit = { ...harness.unit('steady', 'v1'), user: 'daemon', env: { PASSWORD: secret } };
    const failing = { ...unit, identity: 'v2', workingDirectory: '/nowhere' };
    chmodSync(unit.workingDirectory, 0o755);

    await driver.start(unit);
    const shown = ['show', 'cat', 'status'].map((word) => said('systemctl', word, '--no-pager', UNIT_NAME));
    const processes = said('sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "');
    const found = said(
      ...['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'grep', '-rlsaF', secret],
      ...['/etc/systemd', '/run', '/var/log', tmpdir()],
    );
    await driver.stop(COMPONENT, 1000);
    const refusal = await rejectionOf(driver.start(failing));
    const journal = said('journalctl', '--no-pager', '--output=export');

    expect(shown[0]).toContain(`Id=${UNIT_NAME}`);
    expect(processes).toContain('sleep 1000');
    expect(journal).toContain('ready');
    for (const text of [...shown, processes, journal, refusal.message]) {
      expect(text).not.toContain(secret);
    }
    expect(found).toBe('');
  });

  it('runs the service as its account, which owns its data and cannot change its files', async () => {
    const script =
      'id -un > "$HOME/account"; touch ./new 2>> "$HOME/refusals"; touch /usr/new 2>> "$HOME/refusals"; echo ready; exec sleep 100';
    const unit = { ...harness.unit('steady', 'v1'), user: 'daemon', exec: ['sh', '-c', script] };
    chmodSync(unit.workingDirectory, 0o777);

    await driver.start(unit);
    await until(async () => (await driver.logs(COMPONENT, 1024)).includes('ready'));

    expect(readFileSync(join(unit.dataDirectory, 'account'), 'utf8')).toBe('daemon\n');
    expect(readFileSync(join(unit.dataDirectory, 'refusals'), 'utf8').match(/Read-only/g)).toHaveLength(2);
  });

  it('gives a service a /tmp of its own', async () => {
    const seen = 'ls /tmp > "$HOME/tmp"; echo ready; exec sleep 1000';
    const unit = { ...harness.unit('steady', 'v1'), exec: ['sh', '-c', seen] };
    mkdtempSync('/tmp/fairlead-test-');

    await driver.start(unit);
    await until(async () => (await driver.logs(COMPONENT, 1024)).includes('ready'));

    expect(readFileSync(join(unit.dataDirectory, 'tmp'), 'utf8')).toBe('');
  });

  it('does not hide a service that lies in /tmp from itself', async () => {
    const program = join(mkdtempSync('/tmp/fairlead-test-'), 'sleep');
    copyFileSync('/bin/sleep', program);

    await driver.start({ ...harness.unit('steady', 'v1'), exec: [program, '1000'] });

    expect((await driver.status(COMPONENT)).kind).toBe('running');
  });

  it('says why a service cannot start: an account that is not there', async () => {
    const refusal = await rejectionOf(driver.start({ ...harness.unit('steady', 'v1'), user: 'nobody-here' }));

    expect(refusal.code).toBe('service/start-failed');
    expect(refusal.message).toContain('nobody-here');
  });

  it('says why a service cannot start: a file that is no program', async () => {
    const unit = { ...harness.unit('steady', 'v1'), exec: ['./broken'] };
    writeFileSync(join(unit.workingDirectory, 'broken'), 'not a program', { mode: 0o755 });

    const refusal = await rejectionOf(driver.start(unit));

    expect(refusal.message).toContain('Exec format error');
    expect(await driver.status(COMPONENT)).toEqual({ kind: 'absent' });
  });

  it('counts an exit that systemd has already answered with a restart', async () => {
    await driver.start(harness.unit('steady', 'v1'));
    spawnSync('systemctl', ['restart', 'fairlead-core.auth.service']);

    await driver.exited(COMPONENT, never);

    expect((await driver.status(COMPONENT)).kind).toBe('running');
  });

  it('needs no repair when the agent died between writing the unit and starting it', async () => {
    const unit = harness.unit('steady', 'v1');
    await driver.start(unit);
    const written = readFileSync(UNIT_FILE);
    await driver.stop(COMPONENT, 1000);
    writeFileSync(UNIT_FILE, written);

    const before = await driver.status(COMPONENT);
    await harness.driver().start(unit);

    expect(before.kind).toBe('exited');
    expect(await driver.runs(unit)).toBe(true);
  });

  it('takes every process of the service down with it', async () => {
    const unit = {
      ...harness.unit('steady', 'v1'),
      exec: ['sh', '-c', 'setsid sleep 4711 & echo ready; wait'],
    };
    await driver.start(unit);
    await until(async () => (await driver.logs(COMPONENT, 1024)).includes('ready'));

    await driver.stop(COMPONENT, 1000);

    expect(spawnSync('pgrep', ['-f', 'sleep 4711']).status).toBe(1);
  });

  async function whatAProgramSees(args: readonly string[], env: Record<string, string>): Promise<Seen> {
    const report =
      'fs.writeFileSync(process.env.HOME + "/seen", JSON.stringify({ args: process.argv.slice(1), env: process.env }))';
    const unit = harness.unit('steady', 'v1');
    await driver.start({ ...unit, exec: [process.execPath, '-e', report, '--', ...args], env });
    await driver.exited(COMPONENT, never);
    await driver.stop(COMPONENT, 1000);
    return JSON.parse(readFileSync(join(unit.dataDirectory, 'seen'), 'utf8'));
  }
}

interface Seen {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What no argument can hold, or Unicode keeps from text: the driver refuses these. */
const NO_TEXT = /[\0\p{NChar}]/gu;
const AWKWARD = [
  '%n %% %',
  '$HOME ${PATH}',
  "it's",
  '"',
  '\\',
  '\\x41',
  'a\nb\r\tc',
  ' ',
  ';',
  '#',
  '\u0001\u007f\u0085',
  '',
];

const PROGRAMS: Record<Program, readonly string[]> = {
  steady: ['sh', '-c', 'echo ready; exec sleep 1000'],
  stubborn: ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'],
  crashing: ['sh', '-c', 'sleep 0.1; exit 3'],
  missing: ['/nowhere/at-all'],
};

function createHarness() {
  const stateDir = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  const environmentDirectory = join(stateDir, 'env');
  const driver = () =>
    createSystemdDriver({
      stateDir,
      unitDirectory: UNIT_DIRECTORY,
      environmentDirectory,
      clock: systemClock,
    });
  const workingDirectory = join(stateDir, 'tree');
  mkdirSync(workingDirectory);
  return {
    driver,
    environmentFile: join(environmentDirectory, 'core.auth.env'),
    unit: (program: Program, identity: string): ProgramUnit => ({
      kind: 'systemd',
      component: COMPONENT,
      exec: PROGRAMS[program],
      env: {},
      user: null,
      workingDirectory,
      dataDirectory: join(stateDir, 'data'),
      stopTimeoutMs: 5000,
      identity,
    }),
    async dispose() {
      await driver().stop(COMPONENT, 1000);
      // The journal keeps what an earlier test's service wrote under the same name.
      spawnSync('journalctl', ['--rotate', '--vacuum-time=1us']);
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
