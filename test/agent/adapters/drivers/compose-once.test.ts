// Services that run once, on a stand-in for docker: their own time, how they ended, and when they run again.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createComposeDriver } from '../../../../agent/adapters/drivers/compose/compose-driver.ts';
import {
  isOverdue,
  limitsFor,
  NOTHING_SPENT,
  servicesLeft,
  spend,
  untilStarted,
} from '../../../../agent/adapters/drivers/compose/once.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import type { Driver, ProgramUnit, UnitOf } from '../../../../agent/ports/deploy.ts';
import { composeProject } from '../../../../shared/schema/drivers/confinement.ts';
import { composeUnit, type ImageArchive } from '../../../support/compose-units.ts';
import { AUTH, type Deployable, deployableOf, releaseOf } from '../../../support/deploy-releases.ts';
import { COMPONENT, until } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { useFakeDocker } from '../../../support/fake-engine.ts';
import { makeArchive } from '../../../support/image-archive.ts';
import { realInstance, treeDirectory } from '../../../support/real-instance.ts';

const PATH = process.env.PATH;
const PROJECT = 'fairlead_core_auth';

let stateDir: string;
let engine: string;
let image: ImageArchive;
const createDriver = () =>
  createComposeDriver({ stateDir, runtimeDirectory: join(stateDir, 'runtime'), clock: systemClock });
let driver: Driver<UnitOf<'compose'>>;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  engine = useFakeDocker(stateDir);
  image = makeArchive(join(stateDir, 'a.tar'), 'a');
  driver = createDriver();
});
afterEach(async () => {
  await createDriver().stop(COMPONENT, 1000);
  process.env.PATH = PATH;
  rmSync(stateDir, { recursive: true, force: true });
});

function migrating(script: string, once?: Readonly<Record<string, number>>): UnitOf<'compose'> {
  const unit = composeUnit(stateDir, image, 'steady', 'v1');
  const { services } = JSON.parse(readFileSync(unit.file, 'utf8'));
  const web = { ...services.web, depends_on: { migrate: { condition: 'service_completed_successfully' } } };
  writeFileSync(unit.file, JSON.stringify({ services: { migrate: { image: image.digest }, web } }));
  writeFileSync(join(unit.workingDirectory, 'once'), script);
  return once === undefined ? unit : { ...unit, once };
}

/** With a service beside it that nothing waits for. */
function seeding(unit: UnitOf<'compose'>, script: string): UnitOf<'compose'> {
  const { services } = JSON.parse(readFileSync(unit.file, 'utf8'));
  writeFileSync(unit.file, JSON.stringify({ services: { ...services, seed: { image: image.digest } } }));
  writeFileSync(join(unit.workingDirectory, 'beside'), script);
  return unit;
}

describe('a service that runs once', () => {
  it('has its own time, which is none of the rest’s, and tells how it ended', async () => {
    const unit = { ...migrating('sleep 2; echo 3 tables', { migrate: 20_000 }), startTimeoutMs: 1500 };

    await driver.start(unit);

    expect(await driver.status(COMPONENT)).toEqual({ kind: 'running', pid: null });
    const [ran, ...others] = await createDriver().ranOnce(unit);
    expect([ran, others]).toEqual([
      { service: 'migrate', exitStatus: 0, ms: expect.any(Number), limitMs: 20_000, log: '3 tables\n' },
      [],
    ]);
    expect(ran?.ms).toBeGreaterThan(1900);
  });

  it.each([
    ['its own', { migrate: 1000 }, 30_000, 'took longer than 1.0s'],
    ['the start’s, where none is declared', undefined, 1000, 'not done within the 1.0s of the whole start'],
  ])('is ended when its time is over: %s', async (_, once, startTimeoutMs, how) => {
    const unit = { ...migrating('echo waits for a lock; exec sleep 60', once), startTimeoutMs };

    const refusal = await rejectionOf(driver.start(unit));

    expect(refusal.code).toBe('service/start-failed');
    expect(refusal.message).toContain(`"migrate", which runs once: ${how}`);
    expect(await driver.ranOnce(unit)).toMatchObject([
      { service: 'migrate', exitStatus: null, limitMs: 1000, log: 'waits for a lock\n' },
    ]);
  });

  it('is said to have been ended also where it had less than the whole time of the start', async () => {
    const unit = { ...migrating('exec sleep 60'), startTimeoutMs: 4000 };
    writeFileSync(join(engine, 'slow'), '3');

    const refusal = await rejectionOf(driver.start(unit));
    const [ran] = await driver.ranOnce(unit);

    expect(refusal.message).toContain('not done within the 4.0s of the whole start');
    expect(ran).toMatchObject({ exitStatus: null, limitMs: ran?.ms });
    expect(ran?.ms).toBeLessThan(4000);
  });

  it('is waited for though nothing else waits for it, also where another has ended', async () => {
    const unit = seeding(migrating('true', { migrate: 20_000, seed: 20_000 }), 'sleep 1; echo 5 rows');

    await driver.start(unit);

    expect(await driver.ranOnce(unit)).toMatchObject([
      { service: 'migrate', exitStatus: 0, log: '' },
      { service: 'seed', exitStatus: 0, log: '5 rows\n' },
    ]);
  });

  it('is ended alone when its time is over: what has time left goes on', async () => {
    const unit = seeding(migrating('sleep 2', { migrate: 20_000, seed: 1000 }), 'exec sleep 60');

    const refusal = await rejectionOf(driver.start(unit));

    expect(refusal.message).toContain('"seed", which runs once: took longer than 1.0s');
    // An agent that started since knows it by its time.
    expect(await createDriver().ranOnce(unit)).toMatchObject([
      { service: 'migrate', exitStatus: 0 },
      { service: 'seed', exitStatus: null, limitMs: 1000 },
    ]);
  });

  it('goes on while its engine says nothing for a while', async () => {
    const away = join(engine, 'away');
    const unit = migrating(`touch ${away}; sleep 1; rm ${away}`);

    await driver.start(unit);

    expect(await driver.ranOnce(unit)).toMatchObject([{ service: 'migrate', exitStatus: 0 }]);
  });

  it('is named where it failed', async () => {
    const unit = migrating('echo no such column; exit 4');

    const refusal = await rejectionOf(driver.start(unit));

    expect(refusal.message).toContain('"migrate", which runs once: exit status 4');
    expect(await driver.ranOnce(unit)).toMatchObject([{ exitStatus: 4, log: 'no such column\n' }]);
  });

  it('does not run again when a boot has stopped the rest, and does at another start', async () => {
    const unit = migrating('echo x >> ../runs');
    const runs = () => readFileSync(join(engine, 'projects/runs'), 'utf8').length / 2;
    await driver.start(unit);
    process.kill(-Number(readFileSync(join(engine, 'projects', PROJECT, 'pid'), 'utf8')));
    await driver.exited(COMPONENT, new AbortController().signal);

    await createDriver().start(unit);
    expect(readFileSync(join(engine, 'calls'), 'utf8')).toMatch(/ up .*--no-deps web$/m);
    const afterBoot = runs();
    const isRunning = await driver.runs(unit);
    await driver.stop(COMPONENT, 1000);
    await driver.start(unit);

    expect([afterBoot, isRunning, runs()]).toEqual([1, true, 2]);
  });

  it('does not run again when supervision starts what a boot or a crash has ended', async () => {
    const instance = realInstance(stateDir, { driver: driver as Driver as Driver<ProgramUnit> });
    await instance.deploy(stored('1.0.0', 'echo x >> ../runs'));
    process.kill(-Number(readFileSync(join(engine, 'projects', PROJECT, 'pid'), 'utf8')));
    await driver.exited(COMPONENT, new AbortController().signal);

    const end = new AbortController();
    const other = createDriver() as Driver as Driver<ProgramUnit>;
    const supervising = realInstance(stateDir, { driver: other }).deployer.supervise(end.signal);
    await until(async () => (await driver.status(COMPONENT)).kind === 'running', 20_000);
    end.abort();
    await supervising;

    expect(readFileSync(join(engine, 'projects/runs'), 'utf8')).toBe('x\n');
  });

  it('is in the record of a deployment, with what it wrote; one that fails is named and takes it back', async () => {
    const { deploy } = realInstance(stateDir, { driver: driver as Driver as Driver<ProgramUnit> });

    const first = await deploy(stored('1.0.0', 'echo 3 tables; echo made for hunter2'));
    const second = await deploy(stored('1.1.0', 'echo no such column >&2; exit 4'));

    expect(first).toMatchObject({
      state: 'committed',
      once: [
        {
          component: AUTH,
          service: 'migrate',
          exitStatus: 0,
          limitMs: 30_000,
          lastLines: ['3 tables', 'made for •••'],
        },
      ],
    });
    expect(second.state).toBe('rolled-back');
    expect(second.failure?.message).toMatch(
      /"migrate", which runs once: exit status 4; its log ends: no such column$/,
    );
    // Not those of the version before, which have run on the way back.
    expect(second.once).toMatchObject([{ service: 'migrate', exitStatus: 4, lastLines: ['no such column'] }]);
    expect(await driver.status(COMPONENT)).toEqual({ kind: 'running', pid: null });
  });
});

/** A release with its files where the store of trees would put them. */
function stored(version: string, script: string): Deployable {
  const service = {
    driver: 'compose',
    file: 'compose.yaml',
    images: [{ archive: 'image.tar', digest: image.digest }],
    once: { migrate: 'PT30S' },
    env: { PASSWORD: '${settings.password}' },
  };
  const settings = { password: { type: 'string', secret: true } };
  const parts = { service, settings, health: [], smoke: [], hooks: {} };
  const deployable = deployableOf(
    { [AUTH]: releaseOf(AUTH, version, parts) },
    { [AUTH]: { password: 'hunter2' } },
  );
  const unit = migrating(script);
  const tree = treeDirectory(stateDir, deployable.releases.get(AUTH)?.document.tree.digest ?? ('' as never));
  mkdirSync(tree, { recursive: true });
  for (const name of ['compose.yaml', 'program', 'once']) {
    writeFileSync(join(tree, name), readFileSync(join(unit.workingDirectory, name)));
  }
  writeFileSync(join(tree, 'image.tar'), readFileSync(image.archive));
  return deployable;
}

describe('the time of what runs once', () => {
  const one = (service: string, state: string) => ({
    ...{ id: service, name: 'x', service, state, exitStatus: 0, restarts: 0, ranMs: 0, health: 'none' },
  });
  const unit = { once: { migrate: 5000 }, startTimeoutMs: 3000 } as unknown as UnitOf<'compose'>;
  const project = composeProject.parse({
    services: {
      migrate: {},
      seed: {},
      web: { depends_on: { seed: { condition: 'service_completed_successfully' }, migrate: {} } },
    },
  });
  const limits = limitsFor(unit, project);
  const after = (...looks: readonly (readonly [state: string, seed: string, ms: number])[]) =>
    looks.reduce(
      (spent, [migrate, seed, ms]) =>
        spend(spent, { unit, limits, containers: [one('migrate', migrate), one('seed', seed)] }, ms),
      NOTHING_SPENT,
    );

  it('is what is declared, or that of the start', () => {
    expect([...limits]).toEqual([
      ['migrate', 5000],
      ['seed', 3000],
    ]);
  });

  it.each<[string, readonly (readonly [string, string, number])[], number, string | null]>([
    ['does not run while it waits', [['created', 'created', 9000]], 9000, null],
    ['is its own where it is declared', [['running', 'created', 4999]], 0, null],
    ['is over once it is used up', [['running', 'created', 5000]], 0, 'migrate'],
    [
      'adds up over its restarts',
      [
        ['running', 'exited', 3000],
        ['restarting', 'exited', 2000],
      ],
      0,
      'migrate',
    ],
    ['is its own while one of two has it declared', [['running', 'running', 2999]], 0, null],
    ['is the start’s as well where none is declared', [['exited', 'running', 3000]], 3000, 'seed'],
  ])('%s', (_what, looks, rest, late) => {
    const spent = after(...looks);

    const overdue = [...limits.keys()].filter((name) => isOverdue(spent, limits, name));
    expect([spent.rest, overdue]).toEqual([rest, late === null ? [] : [late]]);
  });
});

describe('of two containers of a service that runs once', () => {
  const project = composeProject.parse({ services: { migrate: {}, seed: {}, web: {} } });
  const limits = new Map([
    ['migrate', 5000],
    ['seed', 5000],
  ]);
  type Row = readonly [service: string, state: string, exitStatus: number];
  const tell = (...rows: readonly Row[]) => {
    const never = '"0001-01-01T00:00:00Z"';
    const lines = rows.map(
      ([service, state, status]) => `id /x 0 ${service} ${state} ${status} ${never} ${never} `,
    );
    const answer = `case "$1" in ps) echo id ;; inspect) cat <<'END'\n${lines.join('\n')}\nEND\nesac\n`;
    writeFileSync(join(stateDir, 'engine', 'docker'), `#!/bin/sh\n${answer}`);
  };

  it.each<[string, readonly Row[], readonly string[]]>([
    ['none, where both have', [['migrate', 'exited', 0]], ['web']],
    ['both, where one was ended', [['migrate', 'exited', 137]], ['migrate', 'web']],
    ['both, where one was not begun', [['migrate', 'created', 0]], ['migrate', 'web']],
  ])('those that have not done their work are started again after a boot: %s', async (_, more, left) => {
    tell(['migrate', 'exited', 0], ...more, ['seed', 'exited', 0], ['web', 'exited', 137]);

    expect(await servicesLeft(COMPONENT, limits, project)).toEqual(['--no-deps', ...left]);
  });

  it('the one that the engine gave up is named, though the command says that all went well', async () => {
    tell(['migrate', 'exited', 0], ['migrate', 'dead', 0], ['web', 'running', 0]);
    const unit = composeUnit(stateDir, image, 'steady', 'v1');
    const up = Promise.resolve({ status: 0, stdout: '', stderr: '', detail: '' });

    const refusal = await rejectionOf(
      untilStarted({ unit, limits, clock: systemClock, up, endUp: async () => {}, onLate: () => {} }),
    );

    expect([refusal.code, refusal.message]).toEqual([
      'service/start-failed',
      expect.stringContaining('"migrate", which runs once'),
    ]);
  });
});
