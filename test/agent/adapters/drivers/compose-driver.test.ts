// The compose driver's own logic, on a stand-in for docker; compose-engine.test.ts holds both against a real engine.
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createComposeDriver } from '../../../../agent/adapters/drivers/compose/compose-driver.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import type { Driver, UnitOf } from '../../../../agent/ports/deploy.ts';
import { type Digest, digestOf } from '../../../../shared/encoding/digest.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { blobPath } from '../../../../shared/schema/drivers/images.ts';
import { composeUnit } from '../../../support/compose-units.ts';
import { COMPONENT, describeDriver, type Program } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { useFakeDocker } from '../../../support/fake-engine.ts';
import { createIdleClock } from '../../../support/idle-clock.ts';
import { makeArchive, makeLayout } from '../../../support/image-archive.ts';

const PATH = process.env.PATH;

function createHarness() {
  const stateDir = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  const engine = useFakeDocker(stateDir);
  const image = (letter: string) => {
    return makeArchive(join(stateDir, `${letter}.tar`), letter);
  };
  const runtimeDirectory = join(stateDir, 'runtime');
  const driver = () => createComposeDriver({ stateDir, runtimeDirectory, clock: systemClock });
  return {
    stateDir,
    runtimeDirectory,
    driver,
    image,
    hasImage: (letter: string) => existsSync(join(engine, 'images', image(letter).digest)),
    hasManifest: (letter: string) => existsSync(join(engine, 'images', image(letter).manifest)),
    switchStore: () => {
      rmSync(join(engine, 'images'), { recursive: true });
      mkdirSync(join(engine, 'images'));
      writeFileSync(join(engine, 'containerd'), '');
    },
    beMachine: (platform: string) => writeFileSync(join(engine, 'platform'), platform),
    say: (health: string) => writeFileSync(join(engine, 'health'), health),
    endAs: (state: string) => {
      const project = join(engine, 'projects/fairlead_core_auth');
      process.kill(-Number(readFileSync(join(project, 'pid'), 'utf8')), 'SIGKILL');
      writeFileSync(join(project, 'status'), state);
    },
    away: join(engine, 'away'),
    takeEngineAway: () => writeFileSync(join(engine, 'away'), ''),
    bringEngineBack: () => rmSync(join(engine, 'away')),
    makeNoSecond: () => writeFileSync(join(engine, 'alone'), ''),
    refuseStart: () => writeFileSync(join(engine, 'refusing'), ''),
    refuseContainers: () => writeFileSync(join(engine, 'picky'), ''),
    fillDisk: () => writeFileSync(join(engine, 'full'), ''),
    environment: () => readFileSync(join(engine, 'environment'), 'utf8'),
    calls: () => readFileSync(join(engine, 'calls'), 'utf8'),
    unit: (program: Program, identity: string) => composeUnit(stateDir, image('a'), program, identity),
    async dispose() {
      await driver().stop(COMPONENT, 1000);
      process.env.PATH = PATH;
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

function bindOf(source: string) {
  return { type: 'bind', source, target: '/data' };
}

describeDriver('the compose driver', async () => createHarness());

describe('the compose driver', () => {
  let harness: ReturnType<typeof createHarness>;
  let driver: Driver<UnitOf<'compose'>>;

  beforeEach(() => {
    harness = createHarness();
    driver = harness.driver();
  });
  afterEach(() => harness.dispose());

  it('refuses an image that did not come with the release, before anything runs', async () => {
    const unit = harness.unit('steady', 'v1');
    writeFileSync(unit.file, JSON.stringify({ services: { web: { image: 'nginx:latest' } } }));

    const refusal = await rejectionOf(driver.prepare(unit));

    expect(refusal.code).toBe('service/start-failed');
    expect(refusal.message).toContain('nginx:latest');
    expect(harness.calls()).not.toContain(' up ');
  });

  it.each<[string, (unit: UnitOf<'compose'>) => void]>([
    [
      'a link stands where it mounts',
      ({ dataDirectory }) => {
        rmSync(join(dataDirectory, 'www'), { recursive: true });
        symlinkSync('/etc', join(dataDirectory, 'www'));
      },
    ],
    [
      'it resolves to more than it was admitted with',
      ({ file }) => {
        const { services } = JSON.parse(readFileSync(file, 'utf8'));
        writeFileSync(file, JSON.stringify({ services: { web: { ...services.web, privileged: true } } }));
      },
    ],
  ])('refuses to start again what was admitted, when %s by now', async (_, change) => {
    const unit = harness.unit('steady', 'v1');
    const source = join(unit.dataDirectory, 'www');
    mkdirSync(source, { recursive: true });
    const web = { image: unit.images[0]?.digest, volumes: [bindOf(source)] };
    writeFileSync(unit.file, JSON.stringify({ services: { web } }));
    await driver.prepare(unit);
    await driver.start(unit);
    await driver.stop(COMPONENT, 1000);
    change(unit);

    const refusal = await rejectionOf(driver.start(unit));

    expect(refusal.code).toBe('service/start-failed');
    expect(await driver.status(COMPONENT)).toEqual({ kind: 'absent' });
  });

  const inGreen = (unit: UnitOf<'compose'>): UnitOf<'compose'> => ({
    ...{ ...unit, component: `${COMPONENT}.green` as ComponentKey },
    slot: { of: COMPONENT, volumes: ['shared'], publicPort: 8080, port: 28_080 },
  });

  it('runs two versions of a project at once, each on its own port and with the volume of both', async () => {
    const unit = harness.unit('steady', 'v1');
    const web = {
      image: unit.images[0]?.digest,
      ports: [{ target: 80, published: '8080' }],
      volumes: [{ type: 'volume', source: 'shared', target: '/data' }],
    };
    writeFileSync(unit.file, JSON.stringify({ services: { web }, volumes: { shared: {} } }));
    const green = inGreen({ ...unit, identity: 'v2' });
    await driver.start(unit);

    await driver.prepare(green);
    await driver.start(green);

    expect([await driver.runs(unit), await driver.runs(green)]).toEqual([true, true]);
    const written = readFileSync(join(harness.runtimeDirectory, 'core.auth.green.compose.yaml'), 'utf8');
    const { services, volumes } = JSON.parse(written);
    expect(services.web.ports).toEqual([{ target: 80, published: '28080', host_ip: '127.0.0.1' }]);
    expect(volumes).toEqual({ shared: { name: 'fairlead_core_auth_shared' } });
    expect(harness.calls()).toMatch(/--project-name fairlead-trial_core_auth_green .* create/);
    expect(await driver.stop(COMPONENT, 5000)).toBe('stopped');
    expect(await driver.runs(green)).toBe(true);
    await driver.stop(green.component, 5000);
  });

  it.each<[string, object, string]>([
    ['one name for two containers', { container_name: 'web' }, 'remove it'],
    ['a volume that nobody declared', { volumes: [{ type: 'volume', source: 'db' }] }, 'blueGreen.volumes'],
  ])('refuses %s where two versions stand side by side, and not where one does', async (_, parts, remedy) => {
    const unit = harness.unit('steady', 'v1');
    const web = { image: unit.images[0]?.digest, ports: [{ published: '8080' }], ...parts };
    writeFileSync(unit.file, JSON.stringify({ services: { web } }));

    const refusal = await rejectionOf(driver.prepare(inGreen(unit)));
    await driver.prepare(unit);

    expect(refusal.code).toBe('service/start-failed');
    expect(refusal.message).toContain(remedy);
  });

  it('blames no release for what the operator’s file brings that two versions cannot both have', async () => {
    const unit = harness.unit('steady', 'v1');
    const image = unit.images[0]?.digest;
    writeFileSync(
      unit.file,
      JSON.stringify({ services: { web: { image, ports: [{ published: '8080' }] } } }),
    );
    const own = JSON.stringify({ services: { web: { image, ports: [{ published: '9090' }] } } });
    const override = { file: '/etc/web.yaml', text: own };

    const refusal = await rejectionOf(driver.prepare(inGreen({ ...unit, override })));

    expect(refusal.code).toBe('service/manager-failed');
    expect(refusal.message).toMatch(/\/etc\/web\.yaml.*9090/);
  });

  it('judges the start of a slot that another one was admitted in', async () => {
    const unit = harness.unit('steady', 'v1');
    const web = { image: unit.images[0]?.digest, ports: [{ published: '8080' }] };
    writeFileSync(unit.file, JSON.stringify({ services: { web } }));
    const green = inGreen(unit);
    await driver.prepare(green);
    // What an include of a file by the number of the port comes to.
    writeFileSync(unit.file, JSON.stringify({ services: { web: { ...web, privileged: true } } }));

    const { slot } = green;
    if (slot === undefined) throw new Error('it has a slot');
    const refusal = await rejectionOf(driver.start({ ...unit, slot: { ...slot, port: 18_080 } }));

    expect(refusal.code).toBe('service/start-failed');
    expect(refusal.message).toContain('privileged');
  });

  it.each<[string, string | undefined, (unit: UnitOf<'compose'>) => object]>([
    ['what two versions cannot both have', '.green', () => ({ container_name: 'one' })],
    [
      'a mount in whose place a link could be put',
      undefined,
      ({ dataDirectory: data }) => ({ volumes: [data, join(data, 'www')].map(bindOf) }),
    ],
  ])('judges every later start as whole as the first: %s', async (_, slot, parts) => {
    const own = harness.unit('steady', 'v1');
    const unit = slot === undefined ? own : inGreen(own);
    const web = { image: unit.images[0]?.digest, ports: [{ published: '8080' }] };
    writeFileSync(unit.file, JSON.stringify({ services: { web } }));
    await driver.prepare(unit);
    // As a boot does, of an honest install.
    for (const _of of ['deployment', 'boot']) {
      await driver.start(unit);
      await driver.stop(unit.component, 1000);
    }
    writeFileSync(unit.file, JSON.stringify({ services: { web: { ...web, ...parts(unit) } } }));

    const refusals = [await rejectionOf(driver.prepare(unit, true)), await rejectionOf(driver.start(unit))];

    expect(refusals.map(({ code }) => code)).toEqual(['service/start-failed', 'service/start-failed']);
  });

  it('goes on starting in a slot what was admitted there by earlier rules, and judges anew what by these', async () => {
    const unit = harness.unit('steady', 'v1');
    const web = { image: unit.images[0]?.digest, ports: [{ published: '8080' }] };
    const write = (parts: object) =>
      writeFileSync(unit.file, JSON.stringify({ services: { web: { ...web, ...parts } } }));
    const green = inGreen(unit);
    const admitted = join(harness.stateDir, 'run/core.auth.green.admitted.json');
    write({});
    // Brought back into a slot that it never stood in: it is admitted there, too.
    await driver.start(green);
    await driver.stop(green.component, 1000);
    writeFileSync(admitted, JSON.stringify({ ...JSON.parse(readFileSync(admitted, 'utf8')), rules: 1 }));
    const next = { ...green, identity: 'v2' };
    await driver.prepare(next);
    write({ privileged: true });

    await driver.prepare(green, true);
    await driver.start(green);
    const refusal = await rejectionOf(driver.prepare(next, true));

    expect(await driver.runs(green)).toBe(true);
    expect(refusal.message).toContain('privileged');
    await driver.stop(green.component, 5000);
  });

  it.each([
    ['to another', '{"services":{}}'],
    ['to what cannot be read', 'half a fi'],
  ])(
    'reads on another day a file that was changed %s while the operator’s was laid over it',
    async (_, by) => {
      const unit = harness.unit('steady', 'v1');
      const text = readFileSync(unit.file, 'utf8');
      mkdirSync(harness.runtimeDirectory, { recursive: true });
      const watcher = watch(harness.runtimeDirectory, (_, name) => {
        if (name?.includes('override')) writeFileSync(unit.file, by);
      });
      onTestFinished(() => watcher.close());

      const refusal = await rejectionOf(
        driver.prepare({ ...unit, override: { file: '/etc/web.yaml', text } }),
      );

      // Nobody's release: the next round tries again.
      expect(refusal.code).toBe('service/manager-failed');
      expect(refusal.message).toContain('was changed while it was read');
    },
  );

  it('stands beside another version on this machine alone', async () => {
    const unit = inGreen(harness.unit('steady', 'v1'));
    process.env.DOCKER_HOST = 'tcp://10.0.0.1:2375';

    const refusal = await rejectionOf(driver.prepare(unit)).finally(() => delete process.env.DOCKER_HOST);

    expect(refusal.code).toBe('service/manager-failed');
  });

  it('goes on starting what was installed before the rules that its project breaks', async () => {
    const unit = harness.unit('steady', 'v1');
    const web = { image: unit.images[0]?.digest, privileged: true };
    writeFileSync(unit.file, JSON.stringify({ services: { web } }));

    await driver.start(unit);

    expect(await driver.runs(unit)).toBe(true);
  });

  it('admits what its operator allows by name, and says what they may allow', async () => {
    const unit = harness.unit('steady', 'v1');
    const web = { image: unit.images[0]?.digest, network_mode: 'host', volumes: [bindOf('/srv')] };
    writeFileSync(unit.file, JSON.stringify({ services: { web } }));

    const refusal = await rejectionOf(driver.prepare({ ...unit, allow: ['/srv'] }));
    await driver.start(await admitted({ ...unit, allow: ['/srv', 'network_mode'] }));

    expect(refusal.message).toContain(`fairlead allow add ${COMPONENT} network_mode`);
    expect((await driver.status(COMPONENT)).kind).toBe('running');
  });

  async function admitted(unit: UnitOf<'compose'>): Promise<UnitOf<'compose'>> {
    await driver.prepare(unit);
    return unit;
  }

  it('does not admit a mount in whose place one of its containers could put a link', async () => {
    const unit = harness.unit('steady', 'v1');
    const data = unit.dataDirectory;
    const web = { image: unit.images[0]?.digest, volumes: [data, join(data, 'www')].map(bindOf) };
    writeFileSync(unit.file, JSON.stringify({ services: { web } }));

    const refusal = await rejectionOf(driver.prepare(unit));

    expect(refusal.code).toBe('service/start-failed');
  });

  it('refuses an archive that holds another image than the release names', async () => {
    const unit = harness.unit('steady', 'v1');
    makeArchive(harness.image('a').archive, 'another');

    const refusal = await rejectionOf(driver.prepare(unit));

    expect(refusal.code).toBe('service/start-failed');
    expect(await driver.status(COMPONENT)).toEqual({ kind: 'absent' });
  });

  it('loads an image before the version before stops, and removes what is left at the commit', async () => {
    await driver.prepare(harness.unit('steady', 'v1'));
    await driver.start(harness.unit('steady', 'v1'));
    const next = composeUnit(harness.stateDir, harness.image('b'), 'steady', 'v2');

    await driver.prepare(next);
    const during = ['a', 'b'].map(harness.hasImage);
    await driver.stop(COMPONENT, 1000);
    await driver.start(next);
    await driver.keepOnly(COMPONENT, next);

    expect(during).toEqual([true, true]);
    expect(['a', 'b'].map(harness.hasImage)).toEqual([false, true]);
    expect(harness.calls().match(/^load/gm)).toHaveLength(2);
  });

  it('asks the engine before anything stops, and blames no release for what it says', async () => {
    await driver.start(harness.unit('steady', 'v1'));
    harness.refuseContainers();
    const next = composeUnit(harness.stateDir, harness.image('b'), 'steady', 'v2');

    const refusal = await rejectionOf(driver.prepare(next));

    expect([refusal.code, refusal.message]).toEqual([
      'service/manager-failed',
      expect.stringContaining('this engine is too old for it'),
    ]);
    expect((await driver.status(COMPONENT)).kind).toBe('running');
  });

  it('finds a stranger at a port that it publishes while the version before runs', async () => {
    await driver.start(harness.unit('steady', 'v1'));
    const stranger = createServer().listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { port } = stranger.address() as AddressInfo;
    const next = composeUnit(harness.stateDir, harness.image('b'), 'steady', 'v2');
    const ports = [
      { mode: 'ingress', host_ip: '127.0.0.1', target: 80, published: String(port), protocol: 'tcp' },
    ];
    const web = { image: next.images[0]?.digest, ports };
    writeFileSync(next.file, JSON.stringify({ services: { web } }));

    const refusal = await rejectionOf(driver.prepare(next));
    stranger.close();
    await once(stranger, 'close');
    await driver.prepare(next);

    expect(refusal.code).toBe('deploy/address-taken');
    expect(refusal.message).toContain(`127.0.0.1:${port}`);
  });

  it('keeps what runs and removes what was prepared in vain', async () => {
    const unit = harness.unit('steady', 'v1');
    await driver.start(unit);
    await driver.prepare(composeUnit(harness.stateDir, harness.image('b'), 'steady', 'v2'));

    await driver.keepOnly(COMPONENT, unit);

    expect(['a', 'b'].map(harness.hasImage)).toEqual([true, false]);
  });

  it('removes at once what it loaded for a release of which an archive is refused', async () => {
    const unit = harness.unit('steady', 'v1');
    const bad = { archive: join(harness.stateDir, 'bad.tar'), digest: harness.image('c').digest };
    writeFileSync(bad.archive, 'no archive');

    await rejectionOf(driver.prepare({ ...unit, images: [...unit.images, bad] }));

    expect(harness.hasImage('a')).toBe(false);
  });

  it.each([
    ['the digest of its configuration', 'digest'],
    ['the digest of its manifest', 'manifest'],
  ] as const)(
    'runs an image named by %s, and goes on when the engine keeps it in another store',
    async (_, name) => {
      const made = harness.image('a');
      const unit = composeUnit(harness.stateDir, { ...made, digest: made[name] }, 'steady', 'v1');
      await driver.start(unit);
      await driver.stop(COMPONENT, 1000);
      harness.switchStore();

      await harness.driver().start(unit);

      expect(await driver.runs(unit)).toBe(true);
      expect([harness.hasImage('a'), harness.hasManifest('a')]).toEqual([false, true]);
    },
  );

  it('finds an image whose archive has no manifest in a store that goes by manifests', async () => {
    harness.switchStore();
    const made = makeArchive(join(harness.stateDir, 'old.tar'), 'old', 'old');
    const unit = composeUnit(harness.stateDir, made, 'steady', 'v1');

    await driver.start(unit);
    await driver.stop(COMPONENT, 1000);
    await driver.start(unit);

    expect(await driver.runs(unit)).toBe(true);
    expect(harness.calls().match(/^load/gm)).toHaveLength(1);
  });

  it('runs an image of a layout by the name that its compose file has for it, in either store', async () => {
    const made = makeLayout(join(harness.stateDir, 'images'), 'laid out');
    makeLayout(made.layout, 'another');
    const unit = composeUnit(harness.stateDir, { ...made, name: 'auth:1' }, 'steady', 'v1');

    await driver.prepare(unit);
    await driver.start(unit);
    await driver.stop(COMPONENT, 1000);
    harness.switchStore();
    await driver.start(unit);

    expect(await driver.runs(unit)).toBe(true);
    expect(harness.calls().match(/^load$/gm)).toHaveLength(2);
  });

  const ARM = { os: 'linux', architecture: 'arm64' };

  it.each([
    ['an archive', () => makeArchive(join(harness.stateDir, 'arm.tar'), 'arm', 'both', ARM)],
    ['a layout', () => makeLayout(join(harness.stateDir, 'images'), 'arm', ARM)],
  ])(
    'refuses %s with an image for other machines before it is loaded, and starts what ran',
    async (_, make) => {
      const unit = composeUnit(harness.stateDir, { ...make(), name: 'auth:1' }, 'steady', 'v1');

      const refusal = await rejectionOf(driver.prepare(unit));
      const loaded = harness.calls().match(/^load/gm);
      await driver.prepare(unit, true);
      await driver.start(unit);

      expect(refusal.code).toBe('service/start-failed');
      expect(refusal.message).toContain(
        'image auth:1 cannot be run here: it is for linux/arm64, and not for linux/amd64',
      );
      expect(loaded).toBeNull();
      expect(await driver.runs(unit)).toBe(true);
    },
  );

  it('takes an image for the machine that the engine is, whatever that is', async () => {
    harness.beMachine('linux/arm64');
    const made = makeLayout(join(harness.stateDir, 'images'), 'arm', ARM);

    await driver.prepare(composeUnit(harness.stateDir, made, 'steady', 'v1'));

    expect(harness.calls()).toMatch(/^load$/m);
  });

  it.each<[string, (layout: string, digest: string) => void, RegExp]>([
    ['has no such image', (layout) => rmSync(layout, { recursive: true }), /does not hold the image/],
    [
      'lacks a layer',
      (layout) => rmSync(join(layout, blobPath(digestOf(Buffer.from('laid out'))))),
      /lacks the layer/,
    ],
    [
      'holds something else under the digest',
      (layout, digest) => writeFileSync(join(layout, blobPath(digest as Digest)), '{}'),
      /something else/,
    ],
  ])('refuses a layout that %s', async (_, spoil, problem) => {
    const made = makeLayout(join(harness.stateDir, 'images'), 'laid out');
    const unit = composeUnit(harness.stateDir, made, 'steady', 'v1');
    spoil(made.layout, made.digest);

    const refusal = await rejectionOf(driver.prepare(unit));

    expect(refusal.code).toBe('service/start-failed');
    expect(refusal.message).toMatch(problem);
  });

  it('fails a start whose healthcheck fails or never passes, and calls what becomes unhealthy later so', async () => {
    const unit = { ...harness.unit('steady', 'v1'), startTimeoutMs: 1500 };
    harness.say('unhealthy');
    const failed = await rejectionOf(driver.start(unit));
    await driver.stop(COMPONENT, 1000);
    harness.say('starting');
    const late = await rejectionOf(driver.start(unit));
    await driver.stop(COMPONENT, 1000);
    harness.say('healthy');
    await driver.start(unit);
    harness.say('unhealthy');

    expect([failed, late].map(({ code }) => code)).toEqual(['service/start-failed', 'service/start-failed']);
    expect(failed.message).toContain('web: unhealthy');
    expect(await driver.status(COMPONENT)).toEqual({ kind: 'exited', detail: 'web: unhealthy' });
    expect(await driver.runs(unit)).toBe(true);
  });

  it('hands variables over in a file of the agent’s own, and none to the program', async () => {
    const env = { PATH: '/evil', LD_PRELOAD: '/evil.so', DOCKER_HOST: 'tcp://1.2.3.4:5', ODD: 'a"$b\\c\nd' };

    await driver.start({ ...harness.unit('steady', 'v1'), env });

    const file = join(harness.runtimeDirectory, 'core.auth.compose.env');
    expect(readFileSync(file, 'utf8')).toContain('ODD="a\\"\\$b\\\\c\\nd"');
    expect(statSync(file).mode & 0o077).toBe(0);
    expect(harness.environment()).not.toMatch(/evil|1\.2\.3\.4/);
  });

  it.each(['paused', 'restarting', 'dead'])(
    'starts again what is %s, which the engine would not',
    async (state) => {
      const unit = harness.unit('steady', 'v1');
      await driver.start(unit);
      harness.endAs(state);

      await driver.start(unit);

      expect(await driver.runs(unit)).toBe(true);
    },
  );

  it('starts again what was interrupted between its record and its containers', async () => {
    const unit = harness.unit('steady', 'v1');
    await driver.start(unit);
    const path = join(harness.stateDir, 'run', 'core.auth.compose.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"started"', '"starting"'));

    const before = await driver.runs(unit);
    await driver.start(unit);

    expect([before, await driver.runs(unit)]).toEqual([false, true]);
  });

  it('asks no engine for what it never started: most machines have none', async () => {
    rmSync(join(harness.stateDir, 'engine'), { recursive: true });

    expect(await driver.status(COMPONENT)).toEqual({ kind: 'absent' });
    expect(await driver.stop(COMPONENT, 1000)).toBe('stopped');
  });

  it('never takes an engine that does not answer for a service that does not run', async () => {
    await driver.start(harness.unit('steady', 'v1'));
    const impatient = createComposeDriver({ ...harness, clock: createIdleClock() });
    harness.takeEngineAway();

    const refusals = [
      await rejectionOf(impatient.status(COMPONENT)),
      await rejectionOf(impatient.stop(COMPONENT, 1000)),
      await rejectionOf(impatient.start(harness.unit('steady', 'v2'))),
    ];

    expect(refusals.map((refusal) => refusal.code)).toEqual([
      'service/manager-failed',
      'service/manager-failed',
      'service/manager-failed',
    ]);
    harness.bringEngineBack();
  });

  it('does not wait for an engine whose program is not even installed', async () => {
    rmSync(join(harness.stateDir, 'engine'), { recursive: true });
    process.env.PATH = '/nowhere';

    const refusal = await rejectionOf(driver.start(harness.unit('steady', 'v1')));

    expect(refusal.code).toBe('service/manager-failed');
  });

  it('does not take an engine that stops answering for an exit of the service', async () => {
    const unit = harness.unit('steady', 'v1');
    await driver.start(unit);
    const interest = new AbortController();
    const clock = {
      ...createIdleClock(),
      // Whoever waits for a while has looked already.
      sleep: async () => (existsSync(harness.away) ? harness.bringEngineBack() : interest.abort()),
    };
    harness.takeEngineAway();

    await createComposeDriver({ ...harness, clock }).exited(COMPONENT, interest.signal);

    expect(interest.signal.aborted).toBe(true);
  });

  it('blames a full disk of the engine on nobody', async () => {
    const unit = harness.unit('steady', 'v1');
    harness.fillDisk();

    const refusal = await rejectionOf(driver.start(unit));

    expect(refusal.code).toBe('disk/full');
  });

  it('remembers every image that an interrupted deployment left until one is committed', async () => {
    await driver.start(harness.unit('steady', 'v1'));
    await driver.stop(COMPONENT, 1000);
    const next = composeUnit(harness.stateDir, harness.image('b'), 'missing', 'v2');
    rmSync(join(next.workingDirectory, 'program'), { force: true });
    await rejectionOf(driver.start(next));
    await driver.stop(COMPONENT, 1000);
    const last = composeUnit(harness.stateDir, harness.image('c'), 'steady', 'v3');

    await harness.driver().start(last);
    await harness.driver().keepOnly(COMPONENT, last);

    expect(['a', 'b', 'c'].map(harness.hasImage)).toEqual([false, false, true]);
  });
});
