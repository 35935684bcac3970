// Plans: steps, order, reversibility, and when there is none.
import { describe, expect, it } from 'vitest';
import { dependencyOrder, manifestDigest, planBetween, planDigest } from '../../../shared/compile/plan.ts';
import type { Target } from '../../../shared/compile/target.ts';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { parseJson } from '../../../shared/encoding/json.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { deploymentManifest, type Plan, plan } from '../../../shared/schema/deployment.ts';
import { compileInputOf, type ReleaseSpec } from '../../support/scenario.ts';

const RELEASES: Readonly<Record<string, ReleaseSpec>> = {
  'platform@1.0.0': {},
  'platform@1.0.1': {},
  'core/api@1.0.0': { requires: { 'core/auth': '^1' } },
  'core/api@1.1.0': { requires: { 'core/auth': '^1' }, reversible: 'snapshot' },
  'core/auth@1.0.0': { requires: { 'core/store': '^1' } },
  'core/auth@1.1.0': { requires: { 'core/store': '^1' }, reversible: 'no' },
  'core/store@1.0.0': {},
  'core/store@1.1.0': {},
};

describe('planBetween', () => {
  it('stops what requires before what is required, and starts it after', () => {
    const from = running(['core/api@1.0.0', 'core/auth@1.0.0', 'core/store@1.0.0']);
    const to = running(['core/api@1.1.0', 'core/auth@1.1.0', 'core/store@1.1.0']);

    const result = planFor(from, to);

    expect(result?.stop).toEqual(['core/api', 'core/auth', 'core/store']);
    expect(result?.start).toEqual(['core/store', 'core/auth', 'core/api']);
  });

  it('keeps that order across a component that does not change', () => {
    const from = running(['core/api@1.0.0', 'core/auth@1.0.0', 'core/store@1.0.0']);
    const to = running(['core/api@1.1.0', 'core/auth@1.0.0', 'core/store@1.1.0']);

    const result = planFor(from, to);

    expect(result?.start).toEqual(['core/store', 'core/api']);
    expect(result?.stop).toEqual(['core/api', 'core/store']);
  });

  it('only starts what is installed and only stops what is removed', () => {
    const from = running(['core/store@1.0.0', 'core/auth@1.0.0']);
    const to = running(['core/store@1.0.0', 'core/api@1.0.0']);

    const result = planFor(from, to);

    expect(actions(result)).toEqual(['core/api install', 'core/auth remove']);
    expect([result?.stop, result?.start]).toEqual([['core/auth'], ['core/api']]);
  });

  it('is as reversible as its least reversible step', () => {
    const from = running(['core/api@1.0.0', 'core/auth@1.0.0']);

    const snapshot = planFor(from, running(['core/api@1.1.0', 'core/auth@1.0.0']));
    const none = planFor(from, running(['core/api@1.1.0', 'core/auth@1.1.0']));

    expect([snapshot?.reversible, none?.reversible]).toEqual(['snapshot', 'no']);
  });

  it('claims nothing that nobody declared', () => {
    const to = running(['core/auth@1.0.0']);
    const [first] = to.manifest.components;
    const release = to.releases.get(first?.component ?? ('' as never));
    const { reversible: _, ...document } = release?.document ?? ({} as never);
    const silent = { ...to, releases: new Map([['core/auth', { ...release, document }]]) } as never;

    const result = planFor(null, silent);

    expect(result).toMatchObject({ reversible: 'undeclared', steps: [{ reversible: 'undeclared' }] });
  });

  it('going down, asks the version that is left', () => {
    const result = planFor(running(['core/api@1.1.0']), running(['core/api@1.0.0']));

    expect(result?.reversible).toBe('snapshot');
  });

  it('counts the bytes of trees that are not stored yet, each once', () => {
    const to = running(['core/api@1.0.0', 'core/auth@1.0.0']);
    const tree = to.manifest.components[0]?.tree ?? '';

    const result = planBetween({ from: null, to, reason: { kind: 'channel' }, stored: new Set([tree]) });

    expect(result?.steps.map((step) => step.bytes)).toEqual([0, 100]);
  });

  it('reconfigures exactly what has other settings', () => {
    const from = running(['core/api@1.0.0', 'core/auth@1.0.0']);
    const to = running(['core/api@1.0.0', 'core/auth@1.0.0'], {
      core: { capabilities: { auth: { settings: { port: 9000 } } } },
    });

    expect(actions(planFor(from, to))).toEqual(['core/auth reconfigure']);
  });

  it('is none when nothing that runs would change, however the configuration is written', () => {
    const from = running(['core/api@1.0.0']);
    const to = running(['core/api@1.0.0'], { core: {} });

    expect(manifestDigest(from.manifest)).not.toBe(manifestDigest(to.manifest));
    expect(planFor(from, to)).toBeNull();
  });

  it('is none when only the reason for a version changed', () => {
    const from = running(['core/api@1.0.0 forced:FL-2026-0001']);

    expect(planFor(from, running(['core/api@1.0.0']))).toBeNull();
  });

  it('is none against the same manifest read back from disk', () => {
    const from = running(['platform@1.0.0', 'core/api@1.0.0']);
    const manifest = deploymentManifest.parse(parseJson(canonicalize(from.manifest), 'manifest.json'));

    expect(planFor({ ...from, manifest }, from)).toBeNull();
  });

  it('has no steps when only the platform moves', () => {
    const result = planFor(
      running(['platform@1.0.0', 'core/api@1.0.0']),
      running(['platform@1.0.1', 'core/api@1.0.0']),
    );

    expect(result).toMatchObject({ steps: [], stop: [], start: [], reversible: 'yes' });
  });

  it('installs nothing from an empty catalog on an empty instance', () => {
    expect(planFor(null, running([]))).toBeNull();
  });

  it('matches its schema, and its digest is that of its canonical bytes', () => {
    const result = planFor(null, running(['core/api@1.0.0']));

    const reread = plan.parse(parseJson(canonicalize(result), 'plan.json'));

    expect(planDigest(reread)).toBe(planDigest(result as Plan));
  });
});

describe('dependencyOrder', () => {
  it('enters a circle of requirements at its first name', () => {
    const target = running(['core/a@1.0.0', 'core/b@1.0.0', 'core/c@1.0.0'], undefined, {
      'core/a@1.0.0': { requires: { 'core/b': '*' } },
      'core/b@1.0.0': { requires: { 'core/c': '*' } },
      'core/c@1.0.0': { requires: { 'core/a': '*' } },
    });
    const all = new Set(['core/c', 'core/b', 'core/a'] as ComponentKey[]);

    expect(dependencyOrder(all, target.releases)).toEqual(['core/c', 'core/b', 'core/a']);
  });
});

function running(
  runs: readonly string[],
  suites?: Record<string, unknown>,
  releases: Readonly<Record<string, ReleaseSpec>> = RELEASES,
): Target {
  const { current } = compileInputOf({ releases, runs, ...(suites === undefined ? {} : { suites }) });
  if (current === null) throw new Error('a scenario with runs has a current target');
  return current;
}

function planFor(from: Target | null, to: Target): Plan | null {
  return planBetween({ from, to, reason: { kind: 'channel' }, stored: new Set() });
}

function actions(of: Plan | null): readonly string[] | undefined {
  return of?.steps.map((step) => `${step.component} ${step.action}`);
}
