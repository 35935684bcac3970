// `fairlead-vendor verify` over the known fleet: what it says, what it refuses, and what it does where nobody can be asked.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { tryFleet } from '../../../../server/vendor/workspace/fleet-trial.ts';
import type { Digest } from '../../../../shared/encoding/digest.ts';
import { parseRef } from '../../../../shared/schema/release-ref.ts';
import { buildRelease, compileInputOf } from '../../../support/scenario.ts';
import { createVendor, openAndBuild, type Vendor } from '../../../support/vendor.ts';

/** Keys are opened by scrypt, and threads begin with their sources. */
const TIMEOUT = 60_000;

let vendor: Vendor;
beforeAll(async () => {
  vendor = await createVendor();
  await vendor.release('core/auth@1.0.0');
  await vendor.release('core/api@1.0.0', { requires: { 'core/auth': '^1.0.0' } });
  for (const release of ['core/auth@1.0.0', 'core/api@1.0.0']) await vendor.json('rollout', 'start', release);
}, TIMEOUT);
afterAll(() => vendor.close());
beforeEach(() => vendor.server.instances.splice(0));

const digest = (hex: string) => `sha256:${hex.repeat(64)}` as Digest;

/** Installs that report that they run these, as `core/auth@1.0.0`. */
function enrol(count: number, manifest: string, runs: readonly string[], pin?: string): void {
  for (let i = 0; i < count; i++) {
    const id = `00000000-0000-4000-8000-${manifest}${String(i).padStart(11, '0')}`;
    const components = runs.map((text) => {
      const [component = '', version = ''] = text.split('@');
      return { component, version, tree: digest('a'), health: 'healthy' };
    });
    const newer = { component: 'core/auth', from: '1.0.0', to: '1.0.1', pinned: 'core/auth', by: 'alice' };
    const decision = {
      ...{ verdict: 'current', target: null, blockers: [], exposed: [] },
      ...(pin === undefined
        ? {}
        : { newer: [{ ...newer, pin, clearWith: 'fairlead pin remove core/auth' }] }),
    };
    vendor.server.instances.push({
      ...{ id, name: `install ${manifest}${i}`, hostname: 'host', agentVersion: '1.0.0' },
      ...{ enrolled: '2026-01-01T00:00:00Z', lastSeen: null, channel: 'auto', verdict: 'current' },
      ...{ manifest: digest(manifest), track: 'stable' },
    });
    vendor.server.reports.set(id, {
      ...{ schema: 'fairlead/report@1', sequence: 1, at: '2026-01-02T00:00:00Z', agentVersion: '1.0.0' },
      ...{ channel: 'auto', track: 'stable', manifest: digest(manifest), components, decision },
    } as never);
  }
}

const checkIn = (answer: Record<string, unknown>) => {
  const { stages } = answer.change as {
    stages: { details: { checks?: { check: string; detail: string }[] } }[];
  };
  return stages.flatMap(({ details }) => details.checks ?? []).find(({ check }) => check === 'known fleet');
};

it('says how many would take it, and who keeps it out', { timeout: TIMEOUT }, async () => {
  enrol(3, '1', ['core/auth@1.0.0', 'core/api@1.0.0']);
  enrol(2, '2', ['core/auth@1.0.0'], '~1.0.0');
  enrol(1, '3', ['core/api@1.0.0', 'core/auth@1.0.0']);
  const id = await openAndBuild(vendor, 'core/auth@1.1.0');

  const { status, err } = await vendor.run('verify', id);

  expect([status, err]).toEqual([
    0,
    expect.stringContaining('2 installs: kept by core/auth ~1.0.0 by alice'),
  ]);
  expect(checkIn(await vendor.json('trace', id))?.detail).toBe(
    '4 of 6 installs would take it; 2 are kept by pins',
  );
});

it('refuses what nobody could take', { timeout: TIMEOUT }, async () => {
  enrol(3, '1', ['core/auth@1.0.0', 'core/api@1.0.0']);
  const id = await openAndBuild(vendor, 'core/auth@2.0.0');

  const { status, err } = await vendor.run('verify', id);

  expect(status).not.toBe(0);
  expect(err).toContain('3 could not: stays at core/auth 1.0.0');
});

it('refuses nothing where the fleet is larger than the list that is read', { timeout: TIMEOUT }, async () => {
  enrol(10_001, '1', ['core/auth@1.0.0', 'core/api@1.0.0']);
  const id = await openAndBuild(vendor, 'core/auth@2.1.0');

  const answer = await vendor.json('verify', id);

  expect(checkIn(answer)?.detail).toMatch(/10000 could not: .+; more were not looked at$/);
});

it('goes on where nobody can be asked, and says so', { timeout: TIMEOUT }, async () => {
  const id = await openAndBuild(vendor, 'core/auth@1.2.0');
  await rm(join(vendor.directory, 'publisher.token'));

  const answer = await vendor.json('verify', id);

  expect(checkIn(answer)?.detail).toBe('not looked at: nobody could be asked');
});

it('tries no longer than it may, and says what it left', { timeout: TIMEOUT }, async () => {
  const { catalog, now } = compileInputOf({ releases: { 'core/auth@1.0.0': {} } });
  const candidates = [buildRelease(parseRef('core/auth@1.1.0'))];
  const components = [{ component: 'core/auth', version: '1.0.0' }];
  const kinds = Array.from({ length: 30 }, (_, i) => ({
    ...{ instance: `${i}`, installs: 10, track: 'stable', components, pins: [], facts: {} },
  }));
  const trial = { candidates, catalog, now };
  const seen: number[] = [];

  const all = await tryFleet(trial, kinds as never, { onProgress: (done) => seen.push(done) });
  const none = await tryFleet(trial, kinds as never, { onProgress: () => undefined, limitMs: 0 });

  expect([all.tried.length, all.left, seen.at(-1)]).toEqual([30, 0, 30]);
  expect(new Set(all.tried.map(({ fit }) => fit.kind))).toEqual(new Set(['takes']));
  expect([none.tried.length, none.left]).toEqual([0, 300]);
});
