// How long releases stay to be had: signed beside each, never shortened; and taken from the list only when their day is over and nothing needs them.
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { parseEnvelope } from '../../../../shared/trust/metadata.ts';
import { parseTargets } from '../../../../shared/trust/parse-metadata.ts';
import { rubbishOf } from '../../../support/rubbish-files.ts';
import { createVendor, openAndBuild, type Vendor } from '../../../support/vendor.ts';

const YEAR_MS = 366 * 86_400_000;
const THIS_YEAR = new Date().getUTCFullYear();
const WHY = ['--reason', 'nobody runs it'];

let vendor: Vendor;
beforeEach(async () => {
  vendor = await createVendor();
});
afterEach(() => vendor.close());

function listed() {
  const versions = [...vendor.server.files.keys()].flatMap(
    (path) => /^metadata\/(\d+)\.releases\.json$/.exec(path)?.[1] ?? [],
  );
  const bytes = vendor.server.files.get(`metadata/${Math.max(...versions.map(Number))}.releases.json`);
  return parseTargets(parseEnvelope(bytes ?? new Uint8Array(), 'releases').signed, 'releases').targets;
}

const dayOf = (path: string) => listed().get(path)?.notes?.availableUntil;
const AUTH = 'capabilities/core/auth/1.0.0.json';

it('is ten years to the end of the last where nobody set anything, and what the policy says after that', async () => {
  await vendor.release('core/auth@1.0.0');
  expect(dayOf(AUTH)).toBe(`${THIS_YEAR + 11}-01-01T00:00:00Z`);

  await vendor.json('retention', 'set', '12');
  await vendor.release('core/auth@1.0.1');

  expect(dayOf(AUTH)).toBe(`${THIS_YEAR + 13}-01-01T00:00:00Z`);
  expect(dayOf('capabilities/core/auth/1.0.1.json')).toBe(`${THIS_YEAR + 13}-01-01T00:00:00Z`);
});

it('is never shortened: fewer years are for what comes', async () => {
  await vendor.release('core/auth@1.0.0');

  await vendor.json('retention', 'set', '2');
  await vendor.release('core/auth@1.0.1');

  expect(dayOf(AUTH)).toBe(`${THIS_YEAR + 11}-01-01T00:00:00Z`);
  expect(dayOf('capabilities/core/auth/1.0.1.json')).toBe(`${THIS_YEAR + 3}-01-01T00:00:00Z`);
});

it.each(['0', '101'])('is no policy of %s years', async (years) => {
  expect(await vendor.refusal('retention', 'set', years)).toBe('vendor/option-invalid');
});

it.each(rubbishOf('fairlead/retention@1'))('signs nothing by a policy that is %s', async (_, rubbish) => {
  const id = await openAndBuild(vendor, 'core/auth@1.0.0');
  await vendor.json('verify', id);
  await vendor.write('workspace/retention.json', rubbish);

  expect(await vendor.refusal('release', id)).toMatch(/^(?:document\/invalid|json\/)/);
  await vendor.write(
    'workspace/retention.json',
    JSON.stringify({ schema: 'fairlead/retention@1', years: 3 }),
  );
  await vendor.json('release', id);
  expect(dayOf(AUTH)).toBe(`${THIS_YEAR + 4}-01-01T00:00:00Z`);
});

it('a release that is repeated in another year keeps the day that it waits for signatures with', async () => {
  const two = await createVendor('--quorum', 'releases=2/2');
  onTestFinished(() => two.close());
  const second = join(two.directory, 'second.json');
  await rename(join(two.directory, 'workspace/keys/releases-2.json'), second);
  const id = await openAndBuild(two, 'core/auth@1.0.0');
  await two.json('verify', id);
  await two.json('release', id);
  two.clock.aheadMs = YEAR_MS;

  // The same command with the other key adds to what waits: any other content would be refused.
  await two.json('renew', 'root', 'targets', 'security', 'halts');
  await two.json('release', id, '--key', second);

  const until = `${THIS_YEAR + 11}-01-01T00:00:00Z`;
  const { releases } = await two.json('retention', 'show');
  expect(releases).toEqual([{ release: 'core/auth@1.0.0', until }]);
});

it('retires nothing before its day, nor before the last platform is mended no more', async () => {
  await vendor.json('retention', 'set', '1');
  await vendor.release('core/auth@1.0.0');
  await vendor.release('core@1.0.0', { capabilities: { auth: '1.0.0' } });
  await vendor.release('platform@2.5.0', { suites: { core: '1.0.0' } });
  await vendor.release('core/auth@1.0.1');

  expect(await vendor.refusal('retire', 'core/auth@1.0.1', ...WHY)).toBe('vendor/kept');

  vendor.clock.aheadMs = 3 * YEAR_MS;
  await vendor.json('renew', 'root', 'targets', 'releases', 'security', 'halts');
  const until = `${THIS_YEAR + 5}-06-30T00:00:00Z`;
  await vendor.json('support', 'platform@2.5.0', '--until', until);
  expect(await vendor.refusal('retire', 'core/auth@1.0.1', ...WHY)).toBe('vendor/kept');
  expect((await vendor.json('retention', 'show')).releases).toContainEqual({
    release: 'core/auth@1.0.1',
    until,
  });

  vendor.clock.aheadMs = 6 * YEAR_MS;
  await vendor.json('renew', 'root', 'targets', 'releases', 'security', 'halts');
  await vendor.json('retire', 'core/auth@1.0.1', ...WHY);
  expect([...listed().keys()]).not.toContain('capabilities/core/auth/1.0.1.json');
});

it('retires nothing that is offered, shipped or named as a fix; and all of it together', async () => {
  await vendor.json('retention', 'set', '1');
  const id = await vendor.release('core/auth@1.0.0');
  await vendor.release('core@1.0.0', { capabilities: { auth: '1.0.0' } });
  vendor.clock.aheadMs = 3 * YEAR_MS;
  await vendor.json('renew', 'root', 'targets', 'releases', 'security', 'halts');

  const shipped = await vendor.run('retire', 'core/auth@1.0.0', ...WHY);
  expect(shipped.err).toContain('core@1.0.0 ships it as core/auth 1.0.0');

  await vendor.json('rollout', 'start', id, '--track', 'stable');
  expect(await vendor.refusal('retire', 'core/auth@1.0.0', 'core@1.0.0', ...WHY)).toBe('vendor/still-needed');

  await vendor.json('withdraw', id);
  await vendor.json('retire', 'core/auth@1.0.0', 'core@1.0.0', ...WHY);
  expect([...listed().keys()]).toEqual([]);
  expect(await vendor.refusal('retire', 'core/auth@1.0.0', ...WHY)).toBe('vendor/not-released');
});

describe('retires nothing that what stays listed leans on:', () => {
  const RETIRE = ['retire', 'core/auth@1.0.0', ...WHY];

  async function whenOver(): Promise<void> {
    vendor.clock.aheadMs = 3 * YEAR_MS;
    await vendor.json('renew', 'root', 'targets', 'releases', 'security', 'halts');
  }

  beforeEach(() => vendor.json('retention', 'set', '1'));

  it('no required stop below a version that installs would go straight to', async () => {
    await vendor.release('core/auth@1.0.0', { requiredStop: true });
    await vendor.release('core/auth@1.0.1');
    await whenOver();

    const refusal = await vendor.run(...RETIRE);
    expect(refusal.err).toContain('it is a required stop on the way to core/auth@1.0.1');

    await vendor.json('retire', 'core/auth@1.0.0', 'core/auth@1.0.1', ...WHY);
    expect([...listed().keys()]).toEqual([]);
  });

  it('not the floor of a range that is shipped, though a higher version meets the range', async () => {
    await vendor.release('core/auth@1.0.0');
    await vendor.release('core/auth@1.0.1');
    await vendor.release('core@1.0.0', { capabilities: { auth: '~1.0.0' } });
    await whenOver();

    const refusal = await vendor.run(...RETIRE);
    expect(refusal.err).toContain('core@1.0.0 ships it as core/auth ~1.0.0');

    await vendor.json('retire', 'core/auth@1.0.1', ...WHY);
    expect([...listed().keys()]).toContain(AUTH);
  });

  it('nor what alone meets a requirement, though it was withdrawn before', async () => {
    const id = await vendor.release('core/auth@1.0.0');
    await vendor.release('core/search@1.0.0', { requires: { 'core/auth': '>=1.0.0' } });
    await vendor.json('rollout', 'start', id, '--track', 'stable');
    await vendor.json('withdraw', id);
    await whenOver();

    const refusal = await vendor.run(...RETIRE);
    expect(refusal.err).toContain('core/search@1.0.0: no release meets core/auth >=1.0.0');
  });
});
