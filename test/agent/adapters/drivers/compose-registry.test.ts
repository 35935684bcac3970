// Images that a release names in a registry: fetched before a stop, kept while a tree needs them, with nobody but registries to blame.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createComposeDriver } from '../../../../agent/adapters/drivers/compose/compose-driver.ts';
import { LONGEST_FETCH_MS } from '../../../../agent/adapters/drivers/compose/images.ts';
import { createImageScale } from '../../../../agent/adapters/drivers/compose/pulled-images.ts';
import { systemClock } from '../../../../agent/adapters/machine/surroundings.ts';
import { LONGEST_STEP_MS } from '../../../../agent/engine/deploy/signs.ts';
import type { UnitOf } from '../../../../agent/ports/deploy.ts';
import { digestOf, hexOf } from '../../../../shared/encoding/digest.ts';
import type { OperatorText } from '../../../../shared/schema/instance.ts';
import { composeUnit } from '../../../support/compose-units.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { COMPONENT } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { imageOf } from '../../../support/image-forms.ts';
import {
  PASSWORD,
  type RegistryServer,
  registryMissing,
  startRegistry,
  USER,
} from '../../../support/registry.ts';

const FAKE = new URL('../../../support/fake-docker', import.meta.url).pathname;
const ONE = imageOf(['the base', 'version 1']);
const TWO = imageOf(['the base', 'version 2']);
const hex = (bytes: Buffer) => hexOf(digestOf(bytes));

type Registries = UnitOf<'compose'>['registries'] & object;

const KEPT = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
afterAll(() => rmSync(KEPT, { recursive: true }));
writeFileSync(join(KEPT, 'right'), `${PASSWORD}\n`);
writeFileSync(join(KEPT, 'wrong'), 'x');
const kept = (name: string) => `\${file:${join(KEPT, name)}}` as OperatorText;

function setUp() {
  const stateDir = temporaryDirectory();
  const engine = join(stateDir, 'engine', 'state');
  mkdirSync(join(engine, 'images'), { recursive: true });
  mkdirSync(join(engine, 'projects'));
  copyFileSync(FAKE, join(stateDir, 'engine', 'docker'));
  const before = process.env.PATH;
  process.env.PATH = `${join(stateDir, 'engine')}:${before}`;
  const driver = createComposeDriver({
    stateDir,
    runtimeDirectory: join(stateDir, 'run'),
    clock: systemClock,
  });
  onTestFinished(async () => {
    await driver.stop(COMPONENT, 1000);
    process.env.PATH = before;
  });
  const blobs = join(stateDir, 'images/blobs/sha256');
  return {
    ...{ driver, stateDir },
    loseImages: () => {
      rmSync(join(engine, 'images'), { recursive: true });
      mkdirSync(join(engine, 'images'));
    },
    directory: blobs,
    fillDisk: () => writeFileSync(join(engine, 'full'), ''),
    refuseLoads: () => writeFileSync(join(engine, 'refusing'), ''),
    /** A disk that never keeps what is written there. */
    spoilAtLoad: (path: string) => writeFileSync(join(engine, 'spoiling'), path),
    blobs: () => (existsSync(blobs) ? readdirSync(blobs).toSorted() : []),
    held: () => JSON.parse(readFileSync(join(stateDir, 'images/held.json'), 'utf8')),
    calls: () => readFileSync(join(engine, 'calls'), 'utf8'),
    /** In a tree of its own. */
    unit(ref: string, registries: Registries, version = 'v1'): UnitOf<'compose'> {
      const image = { ref, digest: ref.slice(ref.indexOf('@') + 1), name: 'auth:1' };
      const place = join(stateDir, version);
      return { ...composeUnit(place, image, 'steady', version), registries };
    },
  };
}

describe.skipIf(registryMissing !== null)('images in a registry', () => {
  let server: RegistryServer;
  const refs: string[] = [];
  let login: Registries;
  beforeAll(async () => {
    server = await startRegistry();
    login = {
      [server.host]: { user: USER, password: kept('right') },
      'other.example.com': { user: USER, password: kept('gone') },
    };
    for (const [tag, image] of Object.entries({ one: ONE, two: TWO })) {
      refs.push(`${server.host}/shop/auth@${await server.push('shop/auth', tag, image)}`);
    }
    const index = await server.pushIndex('shop/auth', 'index', { 'linux/amd64': ONE });
    refs.push(`${server.host}/shop/auth@${index}`);
    const strange = await server.pushIndex('shop/auth', 'strange', { 'linux/s390x': ONE });
    refs.push(`${server.host}/shop/auth@${strange}`);
  });
  afterAll(() => server.stop());
  const [first, second, index, strange] = [0, 1, 2, 3].map((at) => () => refs[at] ?? '');

  it.each([
    ['a manifest', first],
    ['an index', index],
  ])(
    'are fetched as %s names them, before anything stops, and run under the name in the compose file',
    async (_, ref) => {
      const { driver, unit, calls, blobs } = setUp();
      const one = unit(ref?.() ?? '', login);

      await driver.prepare(one);
      const prepared = [blobs(), calls().includes(' up ')];
      await driver.start(one);

      expect(prepared).toEqual([[ONE.config, ...ONE.layers].map(hex).toSorted(), false]);
      expect(await driver.runs(one)).toBe(true);
    },
  );

  it('are had without a registry from then on, also by an engine that has lost them, and for the way back', async () => {
    const { driver, unit, loseImages } = setUp();
    const [v1, v2] = [unit(first?.() ?? '', login, 'v1'), unit(second?.() ?? '', login, 'v2')];
    await driver.prepare(v1);
    await driver.prepare(v2);
    await driver.keepOnly(COMPONENT, v2);
    loseImages();
    const nowhere = { [server.host]: { mirror: 'http://127.0.0.1:1', user: USER, password: kept('gone') } };

    await driver.start({ ...v1, registries: nowhere });

    expect(await driver.runs(v1)).toBe(true);
  });

  it('are weighed before: all of an image, then what is not here of it, and nothing of what is', async () => {
    const { stateDir, driver, unit } = setUp();
    // Each knows nothing of what another was told.
    const weigh = (ref: string | undefined, registries = login) =>
      createImageScale(stateDir)(ref ?? '', registries);
    const packed = (layers: readonly Buffer[]) => layers.map((layer) => gzipSync(layer));
    const sizeOf = (layers: readonly Buffer[]) => packed(layers).reduce((sum, { length }) => sum + length, 0);
    expect(await weigh(index?.())).toBe(sizeOf(ONE.layers));
    const [, upper = Buffer.of()] = packed(TWO.layers);
    mkdirSync(join(stateDir, 'images/parts'), { recursive: true });
    writeFileSync(join(stateDir, 'images/parts', hex(upper)), upper.subarray(0, 9));

    const one = unit(first?.() ?? '', login);
    const came = await driver.prepare(one);

    expect(came).toEqual({ bytes: sizeOf(ONE.layers), ms: expect.any(Number) });
    expect(await driver.prepare(one)).toBeUndefined();
    expect([await weigh(first?.()), await weigh(second?.())]).toEqual([0, upper.length - 9]);
    const nowhere = { [server.host]: { mirror: 'http://127.0.0.1:1' } };
    expect(await weigh(first?.(), nowhere)).toBe(0);
    const unanswered = { kind: 'unanswered' };
    expect(await weigh(second?.(), nowhere)).toMatchObject(unanswered);
    expect(await weigh(strange?.())).toMatchObject(unanswered);
    // It is not asked without the login that is its own, nor where nobody knows for which machine.
    const unreadable = { [server.host]: { user: USER, password: kept('nowhere') } };
    expect((await rejectionOf(weigh(second?.(), unreadable))).code).toBe('setting/unreadable');
    // The rest of one that broke off tells nothing of how long a whole one takes.
    expect(await driver.prepare(unit(second?.() ?? '', login, 'v2'))).toBeUndefined();
    writeFileSync(join(stateDir, 'engine/state/away'), '');
    expect((await rejectionOf(weigh(second?.()))).code).toBe('service/manager-failed');
  });

  it('are weighed anew without a registry that has said once what they consist of', async () => {
    const { stateDir, driver, unit } = setUp();
    const weigh = createImageScale(stateDir);
    const nowhere = { [server.host]: { mirror: 'http://127.0.0.1:1' } };
    expect(await weigh(second?.() ?? '', nowhere)).toMatchObject({ kind: 'unanswered' });
    const all = await weigh(second?.() ?? '', login);

    expect(await weigh(second?.() ?? '', nowhere)).toBe(all);
    await driver.prepare(unit(first?.() ?? '', login));
    expect(await weigh(second?.() ?? '', nowhere)).toBe(gzipSync(TWO.layers[1] ?? '').length);
    await driver.prepare(unit(second?.() ?? '', login, 'v2'));
    expect(await weigh(second?.() ?? '', nowhere)).toBe(0);
  });

  it('go when no tree on the machine needs them, and a layer that another needs stays', async () => {
    const { driver, unit, blobs } = setUp();
    const [v1, v2] = [unit(first?.() ?? '', login, 'v1'), unit(second?.() ?? '', login, 'v2')];
    await driver.prepare(v1);
    await driver.prepare(v2);
    rmSync(v1.workingDirectory, { recursive: true });

    await driver.keepOnly(COMPONENT, v2);

    expect(blobs()).toEqual([TWO.config, ...TWO.layers].map(hex).toSorted());
  });

  it('stay for the last tree that has them, whichever was the first', async () => {
    const { driver, unit, loseImages, held } = setUp();
    const [v1, v2] = [unit(first?.() ?? '', login, 'v1'), unit(first?.() ?? '', login, 'v2')];
    await driver.prepare(v1);
    await driver.prepare(v2);
    rmSync(v1.workingDirectory, { recursive: true });

    await driver.keepOnly(COMPONENT, v2);
    loseImages();
    await driver.start({ ...v2, registries: { [server.host]: { mirror: 'http://127.0.0.1:1' } } });

    expect(await driver.runs(v2)).toBe(true);
    expect(held().images[0].trees).toEqual([v2.workingDirectory]);
  });

  it('are fetched again ahead of a start where an engine alone has them, and no start waits for that', async () => {
    const { driver, unit, blobs } = setUp();
    const one = unit(first?.() ?? '', login);
    const nowhere = { ...one, registries: { [server.host]: { mirror: 'http://127.0.0.1:1' } } };
    await driver.prepare(one);
    const before = blobs();
    rmSync(join(one.dataDirectory, '../../images'), { recursive: true });

    await driver.prepare(nowhere);
    await driver.start(nowhere);
    const without = blobs();
    await driver.prepare(one, true);

    expect(await driver.runs(nowhere)).toBe(true);
    expect([without, blobs()]).toEqual([[], before]);
  });

  it('are mended and loaded once more where the disk changed them, and the release is not blamed', async () => {
    const { driver, unit, loseImages, directory, calls, blobs } = setUp();
    const one = unit(first?.() ?? '', login);
    await driver.prepare(one);
    loseImages();
    const before = blobs();
    const layer = join(directory, hex(ONE.layers[1] ?? Buffer.alloc(0)));
    writeFileSync(layer, 'version 9');

    await driver.prepare(one);
    await driver.start(one);

    expect(await driver.runs(one)).toBe(true);
    expect(blobs()).toEqual(before);
    expect(readFileSync(layer, 'utf8')).toBe('version 1');
    expect(calls().match(/^load$/gm)).toHaveLength(3);
  });

  it('are the disk’s fault where what was fetched again is not what was written either', async () => {
    const { driver, unit, loseImages, directory, spoilAtLoad } = setUp();
    const one = unit(first?.() ?? '', login);
    await driver.prepare(one);
    loseImages();
    spoilAtLoad(join(directory, hex(ONE.layers[1] ?? Buffer.alloc(0))));

    const refusal = await rejectionOf(driver.prepare(one));

    expect(refusal.code).toBe('disk/unreadable');
    expect(refusal.message).toContain('fetched twice');
  });

  it('are the release’s where the engine refuses what is whole, and are fetched once', async () => {
    const { driver, unit, refuseLoads, calls, blobs } = setUp();
    const one = unit(first?.() ?? '', login);
    refuseLoads();

    const refusal = await rejectionOf(driver.prepare(one));

    expect(refusal.code).toBe('service/start-failed');
    expect(calls().match(/^load$/gm)).toHaveLength(1);
    expect(blobs()).toHaveLength(3);
  });

  it('count with their bytes where the engine’s disk is full', async () => {
    const { driver, unit, fillDisk } = setUp();
    fillDisk();

    const refusal = await rejectionOf(driver.prepare(unit(first?.() ?? '', login)));

    const needed = ONE.layers.reduce((sum, { length }) => sum + length, 0);
    expect(refusal).toMatchObject({ code: 'disk/full', data: { needed } });
  });

  it('are waited for no longer than the agent lets anybody work without a sign of life', async () => {
    const { driver, unit, calls } = setUp();
    const timeouts = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
      const waiting = new AbortController();
      if (ms === LONGEST_FETCH_MS) waiting.abort(new DOMException('late', 'TimeoutError'));
      return waiting.signal;
    });
    onTestFinished(() => timeouts.mockRestore());

    const refusal = await rejectionOf(driver.prepare(unit(first?.() ?? '', login)));

    expect(LONGEST_FETCH_MS).toBeLessThan(LONGEST_STEP_MS);
    expect(refusal.code).toBe('service/manager-failed');
    expect(refusal.message).toContain('in the time there is');
    expect(calls()).not.toMatch(/^load$/m);
  });

  it('are not waited for by a deployment that gives way', async () => {
    const { driver, unit, calls } = setUp();

    const refusal = await rejectionOf(
      driver.prepare(unit(first?.() ?? '', login), false, AbortSignal.abort()),
    );

    expect(refusal.code).toBe('service/manager-failed');
    expect(refusal.message).toContain('not waited for');
    expect(calls()).not.toMatch(/^load$/m);
  });

  it('come from a mirror where the operator names one, which is told its own login', async () => {
    const { driver, unit } = setUp();
    const digest = (first?.() ?? '').split('@')[1];
    // As caches have it that stand for several registries: with a path before the names of repositories.
    const mirror = { mirror: `http://${server.host}/shop`, user: USER, password: kept('right') };
    const one = unit(`registry.example.com/auth@${digest}`, { 'registry.example.com': mirror });

    await driver.start(one);

    expect(await driver.runs(one)).toBe(true);
  });

  it.each<[string, () => [string, Registries], string, RegExp]>([
    [
      'the login is wrong',
      () => [first?.() ?? '', { [server.host]: { user: USER, password: kept('wrong') } }],
      'service/manager-failed',
      /login/,
    ],
    [
      'the password cannot be read',
      () => [first?.() ?? '', { [server.host]: { user: USER, password: kept('gone') } }],
      'setting/unreadable',
      /gone/,
    ],
    ['there is none', () => [first?.() ?? '', {}], 'service/manager-failed', /asks for a login/],
    [
      'the registry is gone',
      () => [first?.() ?? '', { [server.host]: { mirror: 'http://127.0.0.1:1' } }],
      'service/manager-failed',
      /127.0.0.1:1 cannot be reached/,
    ],
    ['it is for other machines', () => [strange?.() ?? '', login], 'service/start-failed', /other platforms/],
  ])('are no reason to stop anything where %s', async (_, given, code, problem) => {
    const { driver, unit, calls } = setUp();

    const refusal = await rejectionOf(driver.prepare(unit(...given())));

    expect(refusal.code).toBe(code);
    expect(refusal.message).toMatch(problem);
    expect(refusal.message).not.toContain(PASSWORD);
    expect(calls()).not.toMatch(/ (?:stop|up) /);
  });
});
