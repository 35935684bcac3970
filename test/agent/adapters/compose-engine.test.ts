// The compose driver on a real container engine, started for these tests alone where Debian's packages are installed.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createComposeDriver } from '../../../agent/adapters/compose-driver/compose-driver.ts';
import { systemClock } from '../../../agent/adapters/system-clock.ts';
import { describeBooted } from '../../support/booted.ts';
import { composeUnit, type ImageArchive } from '../../support/compose-units.ts';
import { COMPONENT, describeDriver, type Program, until } from '../../support/driver-contract.ts';

const missing = [
  ['docker.io', 'dockerd', '--version'],
  ['docker-compose of version 2', 'docker', 'compose', 'version'],
]
  .filter(([, program = '', ...words]) => spawnSync(program, words).status !== 0)
  .map(([name]) => name);

if (missing.length > 0) {
  describe('the compose driver on a real engine', () => {
    it('keeps every promise of this file', ({ skip }) =>
      skip(`needs ${missing.join(' and ')} to be installed`));
  });
} else {
  describeBooted('the compose driver on a real engine', import.meta.filename, onEngine);
}

function onEngine(): void {
  let engine: ChildProcess;
  let directory: string;
  let image: ImageArchive;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
    engine = await startEngine(directory);
    image = makeImage(directory);
  });
  afterAll(() => {
    engine.kill('SIGKILL');
  });

  const createHarness = () => {
    const stateDir = mkdtempSync(join(directory, 'state-'));
    const driver = () => createComposeDriver({ stateDir, clock: systemClock });
    return {
      driver,
      unit: (program: Program, identity: string) => composeUnit(stateDir, image, program, identity),
      async dispose() {
        await driver().stop(COMPONENT, 1000);
        rmSync(stateDir, { recursive: true, force: true });
      },
    };
  };

  describeDriver('the compose driver', async () => createHarness());

  it('counts an exit that the engine has already answered with a restart', async () => {
    const harness = createHarness();
    const unit = harness.unit('steady', 'v1');
    const script = '[ -e /once ] && exec sleep 1000; : > /once; sleep 0.5; exit 3';
    const web = {
      image: image.digest,
      network_mode: 'none',
      restart: 'always',
      command: ['sh', '-c', script],
    };
    writeFileSync(unit.file, JSON.stringify({ services: { web } }));
    const driver = harness.driver();
    await driver.start(unit);
    await until(async () => docker('inspect', '--format', RESTARTS, CONTAINER) === '1 running');

    await driver.exited(COMPONENT, new AbortController().signal);

    expect((await driver.status(COMPONENT)).kind).toBe('running');
    await harness.dispose();
  });
}

const CONTAINER = 'fairlead_core_auth-web-1';
const RESTARTS = '{{.RestartCount}} {{.State.Status}}';

/** No network and no firewall: both belong to the machine around. */
async function startEngine(directory: string): Promise<ChildProcess> {
  const words = ['--data-root', join(directory, 'engine'), '--storage-driver', 'vfs'];
  const off = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false'];
  const log = openSync(join(directory, 'dockerd.log'), 'w');
  const engine = spawn('dockerd', [...words, ...off], { stdio: ['ignore', log, log] });
  await until(async () => spawnSync('docker', ['version']).status === 0);
  return engine;
}

/** An image of this machine's own shell, so that nothing has to be downloaded. */
function makeImage(directory: string): ImageArchive {
  const programs = ['/bin/sh', '/bin/sleep'];
  const libraries = programs.flatMap((program) => run('ldd', program).match(/\/\S+/g) ?? []);
  const archive = join(directory, 'rootfs.tar');
  run(
    'tar',
    '--create',
    '--dereference',
    '--directory=/',
    `--file=${archive}`,
    ...unique([...programs, ...libraries]),
  );
  const digest = docker('import', '--change', 'ENV PATH=/bin', archive);
  const saved = join(directory, 'image.tar');
  docker('save', '--output', saved, digest);
  docker('image', 'rm', digest);
  return { archive: saved, digest };
}

function unique(paths: readonly string[]): readonly string[] {
  return [...new Set(paths.map((path) => path.slice(1)))];
}

function docker(...words: readonly string[]): string {
  return run('docker', ...words);
}

function run(program: string, ...words: readonly string[]): string {
  const result = spawnSync(program, words, { encoding: 'utf8' });
  expect(result.status, result.stderr).toBe(0);
  return result.stdout.trim();
}
