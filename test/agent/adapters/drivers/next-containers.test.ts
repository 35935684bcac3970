// Containers of the next version that wait while the version before runs: when there may be any, and what becomes of them.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createComposeDriver } from '../../../../agent/adapters/drivers/compose/compose-driver.ts';
import { canWait } from '../../../../agent/adapters/drivers/compose/next-containers.ts';
import { createVolumes } from '../../../../agent/adapters/drivers/compose/volumes.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import type { UnitOf } from '../../../../agent/ports/deploy.ts';
import type { Volumes } from '../../../../agent/ports/volumes.ts';
import { composeProject } from '../../../../shared/schema/drivers/confinement.ts';
import { composeUnit } from '../../../support/compose-units.ts';
import { COMPONENT } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { makeArchive } from '../../../support/image-archive.ts';

const FAKE = new URL('../../../support/fake-docker', import.meta.url).pathname;
const PATH = process.env.PATH;

describe('containers of the next version', () => {
  let stateDir: string;
  let engine: string;

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
    engine = join(stateDir, 'engine', 'state');
    for (const name of ['images', 'projects']) mkdirSync(join(engine, name), { recursive: true });
    copyFileSync(FAKE, join(stateDir, 'engine', 'docker'));
    process.env.PATH = `${join(stateDir, 'engine')}:${PATH}`;
  });
  afterEach(async () => {
    await open().stop(COMPONENT, 1000);
    process.env.PATH = PATH;
    rmSync(stateDir, { recursive: true, force: true });
  });

  const open = () =>
    createComposeDriver({ stateDir, runtimeDirectory: join(stateDir, 'runtime'), clock: systemClock });
  const unitOf = (identity: string, parts: object = {}): UnitOf<'compose'> => {
    const archive = makeArchive(join(stateDir, 'a.tar'), 'a');
    const unit = composeUnit(stateDir, archive, 'steady', identity);
    const web = { image: archive.digest, network_mode: 'none', ...parts };
    const file = join(unit.workingDirectory, `${identity}.yaml`);
    writeFileSync(file, JSON.stringify({ services: { web } }));
    return { ...unit, file };
  };
  const withData = (identity: string): UnitOf<'compose'> => {
    const unit = { ...unitOf(identity), snapshot: ['data'] };
    const { services } = JSON.parse(readFileSync(unit.file, 'utf8'));
    const web = { ...services.web, volumes: [{ type: 'volume', source: 'data', target: '/data' }] };
    writeFileSync(
      unit.file,
      JSON.stringify({ services: { web }, volumes: { data: { name: 'fairlead_core_auth_data' } } }),
    );
    return unit;
  };
  const runs = (name: string) => existsSync(join(engine, 'projects', name));
  const WAITING = 'fairlead_core_auth.next';
  /** The first words of what the engine was asked while `act` was at work. */
  const asked = async (act: () => Promise<unknown>) => {
    writeFileSync(join(engine, 'calls'), '');
    await act();
    const lines = readFileSync(join(engine, 'calls'), 'utf8').trim().split('\n');
    return lines.map((line) =>
      line
        .replace(/^compose --project-name \S+ (--\S+ \S+ )*/, 'compose ')
        .split(' ')
        .slice(0, 2)
        .join(' '),
    );
  };

  it('wait for no more than a stop and a start', async () => {
    const driver = open();
    await driver.start(unitOf('v1'));
    const next = unitOf('v2');
    const made = await asked(() => driver.prepare(next));
    expect([runs('fairlead_core_auth'), runs(WAITING)]).toEqual([true, true]);
    // Nothing is fetched or built for it, and what runs stays.
    expect(readFileSync(join(engine, 'calls'), 'utf8')).toContain(
      ' up --no-start --no-build --pull never --no-recreate --scale=web=2\n',
    );
    await driver.prepare(unitOf('v1'), true);

    const stopping = await asked(() => driver.stop(COMPONENT, 5000));
    const starting = await asked(() => driver.start(next));

    expect(made).not.toContain('compose create');
    expect(stopping.slice(stopping.indexOf('compose stop'))).toEqual([
      'compose stop',
      'rm fairlead_core_auth',
    ]);
    expect(starting.slice(0, 2)).toEqual(['inspect --format', `start ${WAITING}`]);
    expect(await driver.runs(next)).toBe(true);
    expect(readFileSync(join(engine, 'names'), 'utf8')).toBe(`${WAITING} is fairlead_core_auth-web-1\n`);
    await driver.keepOnly(COMPONENT, next);
    expect(await driver.runs(next)).toBe(true);
  });

  it.each(['depends_on', 'secrets', 'configs', 'post_start'])(
    'are started by compose where a service has %s',
    async (key) => {
      const driver = open();
      await driver.start(unitOf('v1'));
      // What a release may not have, its operator’s file may.
      const parts = { [key]: key === 'depends_on' ? { once: {} } : [{ source: 'x', command: 'x' }] };
      const { file, ...rest } = unitOf('v2');
      const override = { file: '/etc/web.yaml', text: readFileSync(unitOf('v3', parts).file, 'utf8') };
      const next = { ...rest, file, override };
      await driver.prepare(next);
      await driver.stop(COMPONENT, 5000);

      const starting = await asked(() => driver.start(next));

      expect(starting.slice(0, 2)).toEqual(['inspect --format', 'compose up']);
      expect(await driver.runs(next)).toBe(true);
    },
  );

  it('are none where the engine makes no second one, and it goes on as ever', async () => {
    const driver = open();
    await driver.start(unitOf('v1'));
    writeFileSync(join(engine, 'alone'), '');
    const next = unitOf('v2');

    const made = await asked(() => driver.prepare(next));
    await driver.stop(COMPONENT, 5000);
    await driver.start(next);

    expect(made).toContain('compose create');
    expect(await driver.runs(next)).toBe(true);
  });

  it.each<[string, () => ReturnType<typeof open> | null]>([
    ['the agent itself', () => null],
    ['one that found them', () => open()],
  ])('go when the deployment is given up, by %s, and what runs goes on', async (_, other) => {
    const driver = open();
    const unit = unitOf('v1');
    await driver.start(unit);
    await driver.prepare(unitOf('v2'));

    const agent = other() ?? driver;
    await agent.keepOnly(COMPONENT, unit);

    expect([await driver.runs(unit), runs(WAITING)]).toEqual([true, false]);
    expect(await asked(() => agent.keepOnly(COMPONENT, unit))).not.toContain('rm --volumes');
    // Nothing waits for the place of what runs: all of the project goes with it, its networks too.
    expect(await asked(() => agent.stop(COMPONENT, 5000))).toContain('compose down');
  });

  it('go after a power cut too, which takes the file that tells of them, and after an engine that would not remove them', async () => {
    const unit = unitOf('v1');
    await open().start(unit);
    await open().prepare(unitOf('v2'));
    const written = join(stateDir, 'runtime/core.auth.next.yaml');
    writeFileSync(join(engine, 'held'), '');
    await open().keepOnly(COMPONENT, unit);
    const isKept = existsSync(written);
    rmSync(join(engine, 'held'));
    rmSync(join(stateDir, 'runtime'), { recursive: true });

    await open().keepOnly(COMPONENT, unit);

    expect([isKept, await open().runs(unit), runs(WAITING)]).toEqual([true, true, false]);
  });

  it('go with the rest of the project where nothing of it is needed', async () => {
    const driver = open();
    await driver.start(unitOf('v1'));
    await driver.prepare(unitOf('v2'));
    await driver.stop(COMPONENT, 5000);

    const ended = await asked(() => driver.keepOnly(COMPONENT, null));

    expect(ended).toContain('compose down');
    expect(runs(WAITING)).toBe(false);
    // Most machines have no engine that could be asked.
    expect(await asked(() => driver.keepOnly(COMPONENT, null))).not.toContain('compose down');
  });

  it.each<[string, (driver: ReturnType<typeof open>) => Promise<void>]>([
    ['before the stop', async () => undefined],
    ['after the stop', async (driver) => void (await driver.stop(COMPONENT, 5000))],
  ])('are found by another agent, where one was killed %s', async (_, before) => {
    const driver = open();
    const next = unitOf('v2');
    await driver.start(unitOf('v1'));
    await driver.prepare(next);
    await before(driver);

    const other = open();
    await other.stop(COMPONENT, 5000);
    await other.start(next);
    await other.keepOnly(COMPONENT, next);

    expect(await other.runs(next)).toBe(true);
    expect(runs(WAITING)).toBe(false);
  });

  it.each<[string, (driver: ReturnType<typeof open>, volumes: Volumes) => Promise<unknown>]>([
    [
      'a volume was put back',
      async (driver, volumes) => {
        await driver.stop(COMPONENT, 5000);
        await volumes.restore(withData('v1'), 2);
      },
    ],
    [
      'somebody tidied the engine up',
      async (driver) => {
        rmSync(join(engine, 'projects', WAITING), { recursive: true });
        await driver.stop(COMPONENT, 5000);
      },
    ],
    [
      'the engine would not remove those before',
      async (driver) => {
        writeFileSync(join(engine, 'held'), '');
        await driver.stop(COMPONENT, 5000);
        rmSync(join(engine, 'held'));
      },
    ],
    [
      'the stop took too long',
      async (driver) => {
        writeFileSync(join(engine, 'late'), '');
        await driver.stop(COMPONENT, 5000);
      },
    ],
  ])('are made anew where they went: %s', async (_, goAway) => {
    const driver = open();
    const volumes = createVolumes({ stateDir, runtimeDirectory: join(stateDir, 'runtime') });
    mkdirSync(join(engine, 'volumes/fairlead_core_auth_data'), { recursive: true });
    await driver.start(withData('v1'));
    await volumes.save(withData('v1'), 2);
    const next = withData('v2');
    await driver.prepare(next);
    await goAway(driver, volumes);
    const isGone = !runs(WAITING);

    await driver.start(next);

    expect([isGone, await driver.runs(next)]).toEqual([true, true]);
  });

  it('are started with their own variables, whatever was made ready for a way back', async () => {
    const driver = open();
    const unit = { ...unitOf('v1'), env: { TOKEN: 'old' } };
    const override = {
      file: '/etc/web.yaml',
      text: readFileSync(unitOf('v3', { secrets: [{ source: 'x' }] }).file, 'utf8'),
    };
    await driver.start(unit);
    const next = { ...unitOf('v2'), override, env: { TOKEN: 'new' } };
    await driver.prepare(next);
    await driver.prepare(unit, true);
    await driver.stop(COMPONENT, 5000);

    const starting = await asked(() => driver.start(next));

    expect(starting).toContain('compose up');
    expect(readFileSync(join(engine, 'env'), 'utf8')).toBe('TOKEN="new"\n');
  });

  it('make way for the version before, where that is to run again', async () => {
    const driver = open();
    const unit = unitOf('v1');
    await driver.start(unit);
    await driver.prepare(unitOf('v2'));
    await driver.stop(COMPONENT, 5000);

    await driver.start(unit);

    expect([await driver.runs(unit), runs(WAITING)]).toEqual([true, false]);
  });

  it('are not started where a link was put in the place of what they mount', async () => {
    const driver = open();
    await driver.start(unitOf('v1'));
    const source = join(stateDir, 'data', 'www');
    mkdirSync(source, { recursive: true });
    const next = unitOf('v2', { volumes: [{ type: 'bind', source, target: '/www' }] });
    await driver.prepare(next);
    await driver.stop(COMPONENT, 5000);
    rmSync(source, { recursive: true });
    symlinkSync('/etc', source);

    const refusal = await rejectionOf(driver.start(next));

    expect(refusal.message).toContain('which leads to /etc');
    expect(await driver.status(COMPONENT)).toEqual({ kind: 'absent' });
  });

  it('that the engine does not start say why, and are removed by the stop that follows', async () => {
    const driver = open();
    await driver.start(unitOf('v1'));
    const next = unitOf('v2');
    await driver.prepare(next);
    await driver.stop(COMPONENT, 5000);
    writeFileSync(join(engine, 'refusing'), '');

    const refusal = await rejectionOf(driver.start(next));
    await driver.stop(COMPONENT, 5000);

    expect(refusal.code).toBe('deploy/address-taken');
    expect(runs(WAITING)).toBe(false);
  });
});

describe('a project', () => {
  const projectOf = (web: object, more: object = {}) =>
    composeProject.parse({ services: { web: { image: 'x', ...web } }, ...more });
  const PLAIN = projectOf(
    { volumes: [{ type: 'volume', source: 'data' }] },
    { volumes: { data: { name: 'd' } }, networks: { default: { name: 'n' } } },
  );
  const like = (web: object, more: object = {}) => ({
    ...PLAIN,
    services: { web: { ...PLAIN.services.web, image: 'y', volumes: [], ...web } },
    ...more,
  });

  it.each<[string, object, object?]>([
    ['has another image', {}],
    [
      'mounts what the one before mounts',
      { volumes: [{ type: 'volume', source: 'data' }, { type: 'volume' }] },
    ],
    ['says that there is one', { scale: 1, deploy: { replicas: 1 } }],
    ['says of keys what is nothing', { container_name: '', links: [], deploy: null, network_mode: 'none' }],
    ['has another service', {}, { services: { ...PLAIN.services, more: { image: 'z', volumes: [] } } }],
  ])('may wait that %s', (_, web, more) => {
    expect(canWait(PLAIN, like(web, more))).toBe(true);
  });

  it.each<[string, object, object?]>([
    ['has a name for its container', { container_name: 'web' }],
    ['is in the network of another service', { network_mode: 'service:db' }],
    ['is among the processes of another service', { pid: 'service:db' }],
    ['shares memory with another service', { ipc: 'service:db' }],
    ['is linked to another', { links: ['db'] }],
    ['has the volumes of another', { volumes_from: ['db'] }],
    ['is there twice', { scale: 2 }],
    ['is there thrice', { deploy: { replicas: 3 } }],
    ['mounts what the one before does not', { volumes: [{ type: 'volume', source: 'other' }] }],
    ['has another volume', {}, { volumes: { data: { name: 'e' } } }],
    ['has another network', {}, { networks: { default: { name: 'n', internal: true } } }],
  ])('may not wait that %s', (_, web, more) => {
    expect(canWait(PLAIN, like(web, more) as never)).toBe(false);
  });

  it('may not wait where nobody knows the one before', () => {
    expect(canWait(null, PLAIN)).toBe(false);
  });
});
