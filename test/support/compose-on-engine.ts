// What the compose driver promises on a real engine, whichever store the engine keeps its images in.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createComposeDriver } from '../../agent/adapters/drivers/compose/compose-driver.ts';
import { createVolumes } from '../../agent/adapters/drivers/compose/volumes.ts';
import { systemClock } from '../../agent/adapters/machine/surroundings.ts';
import type { Driver, ProgramUnit, UnitOf } from '../../agent/ports/deploy.ts';
import { createEngine, type Engine, type EngineName, run } from './compose-engine.ts';
import { composeUnit } from './compose-units.ts';
import { archiveOf, releaseOfContainers, storeContainers } from './confined-containers.ts';
import { AUTH } from './deploy-releases.ts';
import { COMPONENT, describeDriver, type Program, until } from './driver-contract.ts';
import { rejectionOf } from './error-code.ts';
import { savedImage } from './image-archive.ts';
import { realInstance } from './real-instance.ts';

/** Starts an engine for the tests of the file that calls it. */
export function useEngine(name: EngineName) {
  let engine: Engine;
  let directory: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
    chmodSync(directory, 0o711);
    engine = await createEngine(directory, name);
  });
  afterAll(() => engine.kill());

  const createHarness = () => {
    const stateDir = mkdtempSync(join(directory, 'state-'));
    const runtimeDirectory = join(stateDir, 'run');
    const driver = () => createComposeDriver({ stateDir, runtimeDirectory, clock: systemClock });
    return {
      stateDir,
      driver,
      unit: (program: Program, identity: string) => composeUnit(stateDir, engine.image, program, identity),
      /** A unit of the services given; what they do not say is the image, and no network. */
      unitOf(services: Record<string, object>, more: object = {}): UnitOf<'compose'> {
        const unit = composeUnit(stateDir, engine.image, 'steady', 'v1');
        const all = Object.entries(services).map(([name, service]) => [
          name,
          { image: engine.image.digest, network_mode: 'none', ...service },
        ]);
        writeFileSync(unit.file, JSON.stringify({ services: Object.fromEntries(all), ...more }));
        return unit;
      },
      async dispose() {
        await driver().stop(COMPONENT, 1000);
        rmSync(stateDir, { recursive: true, force: true });
      },
    };
  };
  const setUp = () => {
    const harness = createHarness();
    onTestFinished(() => harness.dispose());
    return { ...harness, driver: harness.driver() };
  };
  const removeImage = () => void spawnSync('docker', ['image', 'rm', '--force', engine.idOf(engine.image)]);
  const containers = () => run('docker', 'ps', '--all', '--quiet');
  return { name, engine: () => engine, createHarness, setUp, removeImage, containers };
}

export function describeOnEngine({
  name: engineName,
  engine,
  createHarness,
  setUp,
  removeImage,
  containers,
}: EngineTests): void {
  describeDriver('the compose driver', async () => createHarness());

  // What an engine does not promise is no test of its own.
  type Test = readonly [title: string, body: () => Promise<void>];
  const onPodman = (...test: Test) => void (engineName === 'podman' && it(...test));
  const onDocker = (...test: Test) => void (engineName === 'podman' || it(...test));

  it('goes on when the engine keeps its images elsewhere from now on', async () => {
    const { driver, unit } = setUp();
    await driver.start(unit('steady', 'v1'));
    await driver.stop(COMPONENT, 5000);
    for (const place of ['elsewhere', 'back'] as const) {
      await engine().kill();
      engine().move(place);
      await engine().start();
      await driver.start(unit('steady', 'v1'));

      expect(await driver.runs(unit('steady', 'v1'))).toBe(true);
      expect(await driver.stop(COMPONENT, 5000)).toBe('stopped');
    }
  });

  it('prepares beside what runs: nothing is loaded while nothing runs', async () => {
    const { driver, unit } = setUp();
    removeImage();

    await driver.prepare(unit('steady', 'v1'));
    const held = run('docker', 'image', 'ls', '--all', '--quiet', '--no-trunc');
    await driver.keepOnly(COMPONENT, null);

    expect(held).toBe(engine().idOf(engine().image));
    expect([containers(), run('docker', 'image', 'ls', '--all', '--quiet')]).toEqual(['', '']);
  });

  it('runs an image of a layout by the name in its compose file, and leaves nothing of it', async () => {
    const { driver, stateDir } = setUp();
    removeImage();
    const layout = join(stateDir, 'images');
    mkdirSync(layout);
    // What `docker save` writes is a layout with plain layers, and more.
    run('tar', '--extract', `--directory=${layout}`, `--file=${engine().image.archive}`);
    const image = { layout, digest: engine().image.digest, name: 'registry.example.com/auth:1' };
    const unit = composeUnit(stateDir, image, 'steady', 'v1');

    await driver.prepare(unit);
    await driver.start(unit);

    expect(await driver.runs(unit)).toBe(true);
    expect(run('docker', 'image', 'ls', '--quiet', '--no-trunc')).not.toBe('');
    await driver.stop(COMPONENT, 5000);
    await driver.keepOnly(COMPONENT, null);
    expect(run('docker', 'image', 'ls', '--all', '--quiet')).toBe('');
  });

  it('fails a worker whose healthcheck fails, and waits for one that passes', async () => {
    const { driver, unitOf } = setUp();
    const command = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'];
    const healthcheck = (test: string) => ({
      test: ['CMD-SHELL', test],
      interval: '1s',
      retries: 1,
    });

    const refusal = await rejectionOf(
      driver.start(unitOf({ web: { command, healthcheck: healthcheck('exit 1') } })),
    );
    await driver.stop(COMPONENT, 5000);
    await driver.start(unitOf({ web: { command, healthcheck: healthcheck('exit 0') } }));

    expect([refusal.code, refusal.message]).toEqual([
      'service/start-failed',
      expect.stringContaining('web: unhealthy'),
    ]);
    expect((await driver.status(COMPONENT)).kind).toBe('running');
  });

  it('mounts a tree’s files for reading only, and what its variables name', async () => {
    const { driver, unitOf } = setUp();
    const script =
      'printf %s "$$SECRET" > /data/got; echo x > /tree/compose.yaml || echo kept > /data/kept; sleep 1000';
    const unit = unitOf({
      web: {
        command: ['sh', '-c', script],
        init: true,
        environment: ['SECRET=${SECRET}'],
        volumes: ['./:/tree', '${DATA}:/data'],
      },
    });
    const secret = 'a"b$c ${d}\\e';

    await driver.start({ ...unit, env: { SECRET: secret, DATA: unit.dataDirectory } });

    const got = (name: string) => readFileSync(join(unit.dataDirectory, name), 'utf8').trim();
    await until(async () => existsSync(join(unit.dataDirectory, 'kept')));
    expect([got('got'), got('kept')]).toEqual([secret, 'kept']);
  });

  it('runs what compose files hold: profiles, files of variables, secrets, configurations, services that run once', async () => {
    const { driver, unitOf } = setUp();
    const volumes = ['${DATA}:/data'];
    const script =
      'read -r token < /run/secrets/token; read -r mode < /etc/app.conf; echo "$$token $$mode" > /data/once';
    const wait = 'trap "exit 0" TERM; while :; do sleep 1 & wait $$!; done';
    const waiting = (before: string) => ({ volumes, command: ['sh', '-c', `${before}; ${wait}`] });
    const unit = unitOf(
      {
        once: {
          ...{ command: ['sh', '-c', script], volumes, secrets: ['token'] },
          configs: [{ source: 'app', target: '/etc/app.conf' }],
        },
        web: {
          ...waiting('read -r got < /data/once; echo "$$got $$FROM_FILE" > /data/web'),
          depends_on: { once: { condition: 'service_completed_successfully' } },
          ...{ env_file: ['app.env'] },
        },
        extra: { ...waiting('echo there > /data/extra'), profiles: ['extra'] },
        hidden: { ...waiting('echo there > /data/hidden'), profiles: ['hidden'] },
      },
      {
        secrets: { token: { environment: 'TOKEN' } },
        configs: { app: { content: 'mode-${MODE}\n' } },
      },
    );
    writeFileSync(join(unit.workingDirectory, 'app.env'), 'FROM_FILE=file\n');
    const env = { DATA: unit.dataDirectory, TOKEN: 'hidden\n', MODE: 'fast', COMPOSE_PROFILES: 'extra' };

    await driver.prepare({ ...unit, env });
    await driver.start({ ...unit, env });

    const file = (name: string) => join(unit.dataDirectory, name);
    await until(async () => existsSync(file('web')) && existsSync(file('extra')));
    expect(readFileSync(file('web'), 'utf8').trim()).toBe('hidden mode-fast file');
    expect(existsSync(file('hidden'))).toBe(false);
    expect((await driver.status(COMPONENT)).kind).toBe('running');
  });

  it('says which service that runs once has failed, and how', async () => {
    const { driver, unitOf } = setUp();
    const once = { command: ['sh', '-c', 'echo the table is there already; exit 4'] };
    const web = {
      command: ['sleep', '1000'],
      depends_on: { once: { condition: 'service_completed_successfully' } },
    };

    const refusal = await rejectionOf(driver.start(unitOf({ once, web })));

    expect(refusal.code).toBe('service/start-failed');
    expect(refusal.message).toMatch(/once.*4/);
    expect(await driver.logs(COMPONENT, 1024, 'start')).toContain('the table is there already');
    const [ran] = await driver.ranOnce(unitOf({ once, web }));
    expect(ran).toMatchObject({ service: 'once', exitStatus: 4, log: 'the table is there already\n' });
  });

  it('ends what runs once when its time is over, and does not run it again after a boot', async () => {
    const { driver, unitOf } = setUp();
    const volumes = ['${DATA}:/data'];
    const web = {
      command: ['sleep', '1000'],
      depends_on: { once: { condition: 'service_completed_successfully' } },
    };
    const slow = { ...unitOf({ once: { command: ['sleep', '60'] }, web }), once: { once: 1500 } };
    const late = await rejectionOf(driver.start(slow));
    const overdue = await driver.ranOnce(slow);
    await driver.stop(COMPONENT, 1000);
    const unit = unitOf({ once: { command: ['sh', '-c', 'echo x >> /data/runs'], volumes }, web });
    const counting = { ...unit, env: { DATA: unit.dataDirectory } };
    await driver.start(counting);
    run('docker', 'kill', 'fairlead_core_auth-web-1');

    await driver.start(counting);

    expect(late.message).toContain('"once", which runs once: took longer than 1.5s');
    expect(overdue).toMatchObject([{ service: 'once', exitStatus: null }]);
    expect(readFileSync(join(unit.dataDirectory, 'runs'), 'utf8')).toBe('x\n');
    expect((await driver.status(COMPONENT)).kind).toBe('running');
  });

  onPodman('refuses to copy a volume, which it would put back as its own', async () => {
    const { driver, stateDir, unitOf } = setUp();
    const volumes = createVolumes({ stateDir, runtimeDirectory: join(stateDir, 'run') });
    const web = { command: ['sleep', '1000'], init: true, volumes: ['data:/data'] };
    const unit = { ...unitOf({ web }, { volumes: { data: {} } }), snapshot: ['data'] };
    await driver.start(unit);

    const refusal = await rejectionOf(volumes.verifyCopyable(unit));

    await driver.stop(COMPONENT, 5000);
    run('docker', 'volume', 'rm', 'fairlead_core_auth_data');
    expect(refusal.message).toContain('Podman puts no copy');
  });

  onDocker(
    'copies a volume with owners, modes and links, and puts it back in the place of what was made of it',
    async () => {
      const { driver, stateDir, unitOf } = setUp();
      const volumes = createVolumes({ stateDir, runtimeDirectory: join(stateDir, 'run') });
      const web = { command: ['sleep', '1000'], init: true, volumes: ['data:/data', 'empty:/empty'] };
      const unit = { ...unitOf({ web }, { volumes: { data: {}, empty: {} } }), snapshot: ['data', 'empty'] };
      const name = 'fairlead_core_auth_data';
      const listed = () => run('find', place(), '-printf', '%P %y %U:%G %m %l %s\n').split('\n').sort();
      const place = () => run('docker', 'volume', 'inspect', '--format', '{{.Mountpoint}}', name);
      const labels = () => run('docker', 'volume', 'inspect', '--format', '{{json .Labels}}', name);
      await driver.start(unit);
      run(
        'sh',
        '-c',
        `cd ${place()} && mkdir -m 700 base && echo 1 > base/table && chown -R 999:998 . && chmod 2750 .`,
      );
      run('sh', '-c', `cd ${place()} && ln -s base/table link && ln base/table hard && touch "a b"`);
      const before = [listed(), labels()];

      await volumes.verifyCopyable(unit);
      await volumes.verifyRoom([unit]);
      await driver.stop(COMPONENT, 5000);
      run('docker', 'volume', 'rm', 'fairlead_core_auth_empty');
      await volumes.save(unit, 2);
      run('sh', '-c', `cd ${place()} && echo 22 > base/table && rm link && mkdir new && chown 0:0 .`);
      run('docker', 'volume', 'create', 'fairlead_core_auth_empty');
      const ofProject = ['project=fairlead_core_auth', 'service=web'].flatMap((one) => [
        '--label',
        `com.docker.compose.${one}`,
      ]);
      run('docker', 'create', ...ofProject, '--volume', `${name}:/data`, engine().idOf(engine().image), 'sh');
      await volumes.restore(unit, 2);

      expect([listed(), labels()]).toEqual(before);
      expect(run('docker', 'volume', 'ls', '--quiet')).toBe(name);
      expect(containers()).toBe('');
      await driver.start(unit);
      const stranger = [
        'create',
        '--name',
        'stranger',
        '--volume',
        `${name}:/data`,
        engine().idOf(engine().image),
        'sh',
      ];
      run('docker', ...stranger);
      const shared = await rejectionOf(volumes.verifyCopyable(unit));
      run('docker', 'rm', 'stranger');
      await driver.stop(COMPONENT, 5000);
      run('docker', 'volume', 'rm', ...run('docker', 'volume', 'ls', '--quiet').split('\n'));
      expect(shared.message).toContain('the container stranger has the volume');
    },
  );

  it('finds what the engine will not do while the version before runs, and leaves nothing of the trial', async () => {
    const { driver, unit, unitOf } = setUp();
    await driver.start(unit('steady', 'v1'));
    const before = containers();
    const web = { command: ['sh'], volumes: ['data:/data'] };
    const joined = { command: ['sh'], network_mode: undefined, networks: ['n'] };
    const shared = { networks: { n: { external: true, name: 'shared' } } };

    const other = unitOf({ web: { ...web, restart: 'sometimes' } }, { volumes: { data: {} } });
    const refused = await rejectionOf(driver.prepare({ ...other, identity: 'v2' }));
    const lonely = { ...unitOf({ web: joined }, shared), identity: 'v2', allow: ['network:shared'] };
    const refusals = [refused, await rejectionOf(driver.prepare(lonely))];

    expect(refusals.map(({ code }) => code)).toEqual(['service/manager-failed', 'service/manager-failed']);
    expect(refusals[1]?.message).toContain('docker network create shared');
    expect([containers(), run('docker', 'volume', 'ls', '--quiet')]).toEqual([before, '']);
    expect((await driver.status(COMPONENT)).kind).toBe('running');
  });

  it('lays a file of the operator’s over the release’s, which alone is held to the rules, and refuses one that is broken', async () => {
    const { driver, stateDir, unitOf } = setUp();
    const outside = join(stateDir, 'films');
    mkdirSync(outside);
    const script = 'echo "$$GREETING" > /films/got; trap "exit 0" TERM; while :; do sleep 1 & wait $$!; done';
    const unit = unitOf({ web: { command: ['sh', '-c', script], environment: { GREETING: 'hello' } } });
    const over = (text: string) => ({ ...unit, override: { file: '/etc/fairlead/web.yaml', text } });
    const films = `services:\n  web:\n    environment: { GREETING: welcome }\n    volumes: ["${outside}:/films"]\n`;

    await driver.prepare(over(films));
    await driver.start(over(films));
    await until(async () => existsSync(join(outside, 'got')));
    const broken = await rejectionOf(
      driver.prepare({ ...over('services:\n  web:\n   - a: [\n'), identity: 'v2' }),
    );
    const own = unitOf({ web: { command: ['sh'], volumes: [`${outside}:/films`] } });
    const reaching = await rejectionOf(driver.prepare({ ...own, override: over(films).override }));

    expect(readFileSync(join(outside, 'got'), 'utf8')).toBe('welcome\n');
    expect(broken.code).toBe('service/manager-failed');
    expect(broken.message).toMatch(/\/etc\/fairlead\/web\.yaml.*line \d/);
    expect(reaching.message).toContain('are kept from the machine');
    expect((await driver.status(COMPONENT)).kind).toBe('running');
  });

  it('updates, goes back from a version that fails, and to an earlier one when asked', async () => {
    const { stateDir, driver } = setUp();
    storeContainers(stateDir, engine().image);
    const { deployer, deploy } = realInstance(stateDir, {
      driver: driver as Driver as Driver<ProgramUnit>,
      soakMs: 600,
    });
    const at = async (version: string) => deploy(releaseOfContainers(version, engine().image.digest));

    const updates = [await at('1.0.0'), await at('2.0.0'), await at('3.0.0')];
    const log = await deployer.logs(AUTH, { change: 3 });
    const back = await deployer.rollback({ reason: 'it is slow', actor: 'sam' });

    expect(updates.map(({ state }) => state)).toEqual(['committed', 'committed', 'rolled-back']);
    expect(updates[2]?.failure?.message).toContain('web: exit status 3; its log ends: web-1');
    expect(log).toEqual(['web-1  | 3.0.0']);
    expect(back.state).toBe('committed');
    expect(commandOf('fairlead_core_auth-web-1')).toContain('sleep 1000');
  });

  it('stops nothing where the engine lost the image of what runs and its archive is damaged', async () => {
    const { stateDir, driver } = setUp();
    storeContainers(stateDir, engine().image);
    const { deployer, deploy } = realInstance(stateDir, { driver: driver as Driver as Driver<ProgramUnit> });
    const release = releaseOfContainers('1.0.0', engine().image.digest);
    await deploy(release);
    const next = savedImage(join(stateDir, 'next.tar'), Buffer.alloc(1024));
    storeContainers(stateDir, next);
    writeFileSync(archiveOf(stateDir, release), 'damaged');
    rmSync(join(stateDir, 'run', 'core.auth.images.json'));

    const record = await deploy(releaseOfContainers('2.0.0', next.digest));

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/way-back-unready' } });
    expect(await deployer.quarantine()).toEqual([]);
    expect(commandOf('fairlead_core_auth-web-1')).toContain('sleep 1000');
  });

  it('goes on watching containers while the engine is restarted, and stops them afterwards', async () => {
    const { driver, unit } = setUp();
    await driver.start(unit('steady', 'v1'));
    const interest = new AbortController();
    const exit = driver.exited(COMPONENT, interest.signal);
    await engine().kill();

    const stopping = driver.stop(COMPONENT, 5000);
    await engine().start();

    expect(['stopped', 'killed']).toContain(await stopping);
    interest.abort();
    await exit;
    expect(containers()).toBe('');
  });

  it('removes no image and no container that is not its own', async () => {
    const { driver, unit } = setUp();
    const { image } = engine();
    run('docker', 'load', '--input', image.archive);
    run('docker', 'tag', engine().idOf(image), 'somebody/else:1');
    run('docker', 'create', '--name', 'somebody', '--network', 'none', 'somebody/else:1', 'sleep', '1');
    await driver.prepare(unit('steady', 'v1'));
    await driver.start(unit('steady', 'v1'));
    await driver.stop(COMPONENT, 5000);

    await driver.keepOnly(COMPONENT, null);

    expect(run('docker', 'ps', '--all', '--format', '{{.Names}}')).toBe('somebody');
    expect(run('docker', 'image', 'inspect', '--format', '{{.Id}}', 'somebody/else:1')).toBe(
      engine().idOf(image),
    );
    run('docker', 'rm', 'somebody');
    run('docker', 'image', 'rm', 'somebody/else:1');
  });
}

function commandOf(container: string): string {
  return run('docker', 'inspect', '--format', '{{.State.Status}} {{json .Config.Cmd}}', container);
}

type EngineTests = ReturnType<typeof useEngine>;
