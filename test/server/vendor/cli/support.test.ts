// Until when a platform is mended: signed beside its release, made longer at will, made shorter with a reason.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseEnvelope } from '../../../../shared/trust/metadata.ts';
import { parseTargets } from '../../../../shared/trust/parse-metadata.ts';
import { createVendor, type Vendor } from '../../../support/vendor.ts';

const THIS_YEAR = new Date().getUTCFullYear();

let vendor: Vendor;
beforeEach(async () => {
  vendor = await createVendor();
  await vendor.release('core/auth@1.0.0');
  await vendor.release('core@1.0.0', { capabilities: { auth: '1.0.0' } });
  await vendor.release('platform@2.5.0', { suites: { core: '1.0.0' } });
});
afterEach(() => vendor.close());

const set = (until: string, ...more: readonly string[]) => [
  'support',
  'platform@2.5.0',
  '--until',
  until,
  ...more,
];

function published(): string | undefined {
  const versions = [...vendor.server.files.keys()].flatMap(
    (path) => /^metadata\/(\d+)\.releases\.json$/.exec(path)?.[1] ?? [],
  );
  const newest = Math.max(...versions.map(Number));
  const bytes = vendor.server.files.get(`metadata/${newest}.releases.json`) ?? new Uint8Array();
  return parseTargets(parseEnvelope(bytes, 'releases').signed, 'releases').targets.get('platform/2.5.0.json')
    ?.notes?.supportUntil;
}

it('is signed beside the release, published, and made longer without more', async () => {
  await vendor.json(...set('2029-12-31T00:00:00Z'));
  expect(published()).toBe('2029-12-31T00:00:00Z');

  await vendor.json(...set('2031-12-31T00:00:00Z'));

  expect(published()).toBe('2031-12-31T00:00:00Z');
});

it('is made shorter only by who says why', async () => {
  await vendor.json(...set('2031-12-31T00:00:00Z'));

  expect(await vendor.refusal(...set('2029-12-31T00:00:00Z'))).toBe('vendor/support-shortened');
  expect(published()).toBe('2031-12-31T00:00:00Z');

  await vendor.json(...set('2029-12-31T00:00:00Z', '--reason', 'a slip of the pen'));
  expect(published()).toBe('2029-12-31T00:00:00Z');
});

it('that is made shorter takes no release away sooner: each is signed with the day that was promised', async () => {
  await vendor.json('retention', 'set', '1');
  const [later, sooner] = [`${THIS_YEAR + 14}-06-30T00:00:00Z`, `${THIS_YEAR + 3}-06-30T00:00:00Z`];
  await vendor.json(...set(later));

  await vendor.json(...set(sooner, '--reason', 'a slip of the pen'));

  const { releases } = await vendor.json('retention', 'show');
  expect(releases).toHaveLength(3);
  for (const { until } of releases as readonly { until: string }[]) expect(until).toBe(later);
  expect(published()).toBe(sooner);
});

it.each([
  ['of a capability', 'core/auth@1.0.0', 'vendor/option-invalid'],
  ['of what nobody released', 'platform@9.0.0', 'vendor/not-released'],
])('is refused %s', async (_name, release, code) => {
  expect(await vendor.refusal('support', release, '--until', '2031-12-31T00:00:00Z')).toBe(code);
});
