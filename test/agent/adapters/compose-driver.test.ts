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
import { createComposeDriver } from '../../../agent/adapters/compose-driver/compose-driver.ts';
import { systemClock } from '../../../agent/adapters/system-clock.ts';
import type { ComposeUnit, Driver } from '../../../agent/ports/driver.ts';
import { composeUnit } from '../../support/compose-units.ts';
import { COMPONENT, describeDriver, type Program } from '../../support/driver-contract.ts';
import { rejectionOf } from '../../support/error-code.ts';

const FAKE = new URL('../../support/fake-docker', import.meta.url).pathname;
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
    const docker = join(harness.stateDir, 'engine', 'docker');
    writeFileSync(docker, '#!/bin/sh\necho "Cannot connect to the Docker daemon" >&2; exit 1\n');

    const refusals = [
      await rejectionOf(driver.status(COMPONENT)),
      await rejectionOf(driver.stop(COMPONENT, 1000)),
    ];

    expect(refusals.map((refusal) => refusal.code)).toEqual([
      'service/manager-failed',
      'service/manager-failed',
    ]);
    copyFileSync(FAKE, docker);
  });
});
