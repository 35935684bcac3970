// The compose driver's own logic, on a stand-in for docker; compose-engine.test.ts holds both against a real engine.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createComposeDriver } from '../../../../agent/adapters/drivers/compose/compose-driver.ts';
import { systemClock } from '../../../../agent/adapters/machine/system-clock.ts';
import type { ComposeUnit, Driver } from '../../../../agent/ports/driver.ts';
import { composeUnit } from '../../../support/compose-units.ts';
import { COMPONENT, describeDriver, type Program } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { createIdleClock } from '../../../support/idle-clock.ts';

const FAKE = new URL('../../../support/fake-docker', import.meta.url).pathname;
const PATH = process.env.PATH;

function createHarness() {
  const stateDir = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  const engine = join(stateDir, 'engine', 'state');
  mkdirSync(join(engine, 'images'), { recursive: true });
  mkdirSync(join(engine, 'projects'));
  copyFileSync(FAKE, join(stateDir, 'engine', 'docker'));
  process.env.PATH = `${join(stateDir, 'engine')}:${PATH}`;
  const image = (letter: string) => {
    const archive = join(stateDir, `${letter}.tar`);
    const digest = `sha256:${letter.repeat(64)}`;
    writeFileSync(archive, digest);
    return { archive, digest };
  };
  const driver = () => createComposeDriver({ stateDir, clock: systemClock });
  return {
    stateDir,
    driver,
    image,
    hasImage: (letter: string) => existsSync(join(engine, 'images', image(letter).digest)),
    away: join(engine, 'away'),
    takeEngineAway: () => writeFileSync(join(engine, 'away'), ''),
    bringEngineBack: () => rmSync(join(engine, 'away')),
    fillDisk: () => writeFileSync(join(engine, 'full'), ''),
    calls: () => readFileSync(join(engine, 'calls'), 'utf8'),
    unit: (program: Program, identity: string) => composeUnit(stateDir, image('a'), program, identity),
    async dispose() {
      await driver().stop(COMPONENT, 1000);
      process.env.PATH = PATH;
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

describeDriver('the compose driver', async () => createHarness());

describe('the compose driver', () => {
  let harness: ReturnType<typeof createHarness>;
  let driver: Driver<ComposeUnit>;

  beforeEach(() => {
    harness = createHarness();
    driver = harness.driver();
  });
  afterEach(() => harness.dispose());

  it('refuses an image that did not come with the release, before anything runs', async () => {
    const unit = harness.unit('steady', 'v1');
    writeFileSync(unit.file, JSON.stringify({ services: { web: { image: 'nginx:latest' } } }));

    const refusal = await rejectionOf(driver.start(unit));

    expect(refusal.code).toBe('service/start-failed');
    expect(refusal.message).toContain('nginx:latest');
    expect(harness.calls()).not.toContain(' up ');
  });

  it('refuses an archive that holds another image than the release names', async () => {
    const unit = harness.unit('steady', 'v1');
    writeFileSync(harness.image('a').archive, `sha256:${'f'.repeat(64)}`);

    const refusal = await rejectionOf(driver.start(unit));

    expect(refusal.code).toBe('service/start-failed');
    expect(await driver.status(COMPONENT)).toEqual({ kind: 'absent' });
  });

  it('loads an image once, and removes it when a later version no longer has it', async () => {
    await driver.start(harness.unit('steady', 'v1'));
    await driver.stop(COMPONENT, 1000);
    await driver.start(harness.unit('steady', 'v1'));
    await driver.stop(COMPONENT, 1000);

    await driver.start(composeUnit(harness.stateDir, harness.image('b'), 'steady', 'v2'));

    expect(harness.calls().match(/^load/gm)).toHaveLength(2);
    expect([harness.hasImage('a'), harness.hasImage('b')]).toEqual([false, true]);
  });

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
    const impatient = createComposeDriver({ stateDir: harness.stateDir, clock: createIdleClock() });
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

    await createComposeDriver({ stateDir: harness.stateDir, clock }).exited(COMPONENT, interest.signal);

    expect(interest.signal.aborted).toBe(true);
  });

  it('blames a full disk of the engine on nobody', async () => {
    const unit = harness.unit('steady', 'v1');
    harness.fillDisk();

    const refusal = await rejectionOf(driver.start(unit));

    expect(refusal.code).toBe('disk/full');
  });

  it('remembers the images of the version before until they are removed', async () => {
    await driver.start(harness.unit('steady', 'v1'));
    await driver.stop(COMPONENT, 1000);
    const next = composeUnit(harness.stateDir, harness.image('b'), 'missing', 'v2');
    rmSync(join(next.workingDirectory, 'program'), { force: true });
    await rejectionOf(driver.start(next));
    await driver.stop(COMPONENT, 1000);

    await harness.driver().start(composeUnit(harness.stateDir, harness.image('c'), 'steady', 'v3'));

    expect(['a', 'b', 'c'].map(harness.hasImage)).toEqual([false, false, true]);
  });
});
