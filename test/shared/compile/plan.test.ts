// Plans: steps, order, reversibility, and when there is none.
import { describe, expect, it } from 'vitest';
import {
  dependencyOrder,
  diffPlans,
  manifestDigest,
  planBetween,
  planDigest,
} from '../../../shared/compile/plan.ts';
import type { Target } from '../../../shared/compile/target.ts';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
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

  it('reconfigures what has another override, and names its file and what stands in it', () => {
    const overridden = (text: string) =>
      running(['core/auth@1.0.0'], {
        core: { capabilities: { auth: { override: { file: '/etc/auth.yaml', text } } } },
      });

    const [same, other] = [overridden('a'), overridden('b')].map((to) => planFor(overridden('a'), to));

    expect(same).toBeNull();
    expect(other?.steps).toMatchObject([
      { action: 'reconfigure', override: { file: '/etc/auth.yaml', digest: digestOfValue('b') } },
    ]);
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

describe('steps', () => {
  it('say from which version to which, in the order of their names', () => {
    const from = running(['core/auth@1.0.0', 'core/store@1.0.0']);
    const to = running(['core/auth@1.1.0', 'core/api@1.0.0']);

    expect(planFor(from, to)).toMatchObject({
      from: manifestDigest(from.manifest),
      to: manifestDigest(to.manifest),
      steps: [
        { component: 'core/api', action: 'install', from: null, to: '1.0.0', bytes: 100, reversible: 'yes' },
        {
          component: 'core/auth',
          action: 'update',
          from: '1.0.0',
          to: '1.1.0',
          bytes: 100,
          reversible: 'no',
        },
        { component: 'core/store', action: 'remove', from: '1.0.0', to: null, bytes: 0, reversible: 'yes' },
      ],
    });
    expect(planFor(null, to)).toMatchObject({ from: null, stop: [] });
  });

  it('fetch a tree that two capabilities share once', () => {
    const to = running(['core/api@1.0.0', 'core/auth@1.0.0']);
    const [api, auth] = to.manifest.components;
    const shared = { ...to, manifest: { ...to.manifest, components: [api!, { ...auth!, tree: api!.tree }] } };

    expect(planFor(null, shared)?.steps.map(({ bytes }) => bytes)).toEqual([100, 0]);
  });

  it('update what has other bytes under the same version, be it the release or its tree', () => {
    const from = running(['core/api@1.0.0', 'core/auth@1.0.0']);
    const [api, auth] = from.manifest.components;
    const changed = (part: object) => ({
      ...from,
      manifest: { ...from.manifest, components: [api!, { ...auth!, ...part }] },
    });

    expect(actions(planFor(from, changed({ tree: api!.tree })))).toEqual(['core/auth update']);
    expect(actions(planFor(from, changed({ release: api!.release })))).toEqual(['core/auth update']);
  });

  it('reconfigure nothing for settings that are written in another order, or stand under another name', () => {
    const suites = (auth: object) => ({ core: { capabilities: { auth: { settings: auth } } } });
    const from = running(['core/auth@1.0.0', 'core/store@1.0.0'], suites({ a: 1, b: 2 }));

    expect(
      planFor(from, running(['core/auth@1.0.0', 'core/store@1.0.0'], suites({ b: 2, a: 1 }))),
    ).toBeNull();
    expect(
      actions(planFor(from, running(['core/auth@1.0.0', 'core/store@1.0.0'], suites({ a: 1, b: 3 })))),
    ).toEqual(['core/auth reconfigure']);
  });

  it('are as reversible as the version that is left, where they go down, and undeclared where that is not known', () => {
    const [low, high] = [running(['core/auth@1.0.0']), running(['core/auth@1.1.0'])];
    const forgotten = { ...high, releases: new Map() };

    expect([planFor(high, low)?.reversible, planFor(low, high)?.reversible]).toEqual(['no', 'no']);
    expect([planFor(forgotten, low)?.reversible, planFor(low, forgotten)?.reversible]).toEqual([
      'undeclared',
      'undeclared',
    ]);
    expect(planFor(low, { ...low, manifest: high.manifest })?.reversible).toBe('yes');
  });

  it('are none where only a suite is released anew, and there is a plan all the same', () => {
    const releases = { ...RELEASES, 'core@1.0.0': {}, 'core@1.0.1': {} };
    const from = running(['core@1.0.0', 'core/api@1.0.0'], undefined, releases);

    expect(planFor(from, running(['core@1.0.1', 'core/api@1.0.0'], undefined, releases))).toMatchObject({
      steps: [],
    });
    expect(planFor(from, from)).toBeNull();
  });
});

describe('how two plans differ', () => {
  const BEFORE = planFor(
    running(['core/api@1.0.0', 'core/auth@1.0.0']),
    running(['core/api@1.1.0', 'core/auth@1.0.0']),
  ) as Plan;
  const [STEP] = BEFORE.steps;
  const other = manifestDigest(running([]).manifest);

  it.each<[string, Partial<Plan>, readonly string[]]>([
    ['nothing', {}, []],
    [
      'another version',
      { steps: [{ ...STEP!, to: '1.2.0' as never }] },
      [
        'core/api: update 1.0.0 → 1.2.0 (100 B, way back snapshot), was: update 1.0.0 → 1.1.0 (100 B, way back snapshot)',
      ],
    ],
    [
      'a step less',
      { steps: [] },
      ['core/api: stays as it is, was: update 1.0.0 → 1.1.0 (100 B, way back snapshot)'],
    ],
    [
      'a step more, before the one there was',
      {
        steps: [
          STEP!,
          {
            ...STEP!,
            component: 'core/a' as ComponentKey,
            action: 'remove',
            to: null,
            bytes: 0,
            reversible: 'yes',
          },
        ],
      },
      ['core/a: remove 1.0.0 → none (0 B, way back yes), was: stays as it is'],
    ],
    [
      'an install of what was an update',
      { steps: [{ ...STEP!, action: 'install', from: null }] },
      [
        'core/api: install none → 1.1.0 (100 B, way back snapshot), was: update 1.0.0 → 1.1.0 (100 B, way back snapshot)',
      ],
    ],
    ['where it starts', { from: other }, ['it starts from another deployment than the one that ran then']],
    ['the way back', { reversible: 'no' }, ['the way back: no, was: snapshot']],
    ['the reason', { reason: { kind: 'manual' } }, ['the reason: manual, was: channel']],
    [
      'the order of stopping',
      { stop: ['core/auth' as ComponentKey, 'core/api' as ComponentKey] },
      ['services stop or start in another order'],
    ],
    ['the order of starting', { start: [] }, ['services stop or start in another order']],
    ['what nobody sees', { to: other }, ['the files or the settings behind it changed']],
    [
      'the way back, and what nobody sees',
      { to: other, reversible: 'no' },
      ['the way back: no, was: snapshot'],
    ],
  ])('is told: %s', (_what, changes, lines) => {
    expect(diffPlans(BEFORE, { ...BEFORE, ...changes })).toEqual(lines);
  });
});

describe('dependencyOrder', () => {
  it('names each after what it requires, through one that is not asked about, and by name where nothing decides', () => {
    const target = running(['core/a@1.0.0', 'core/b@1.0.0', 'core/c@1.0.0', 'core/d@1.0.0'], undefined, {
      'core/a@1.0.0': { requires: { 'core/d': '*', 'core/b': '*', 'core/none': '*', platform: '*' } },
      'core/b@1.0.0': { requires: { 'core/c': '*' } },
      'core/c@1.0.0': {},
      'core/d@1.0.0': {},
    });
    const ordered = (...names: readonly string[]) =>
      dependencyOrder(new Set(names as ComponentKey[]), target.releases);

    expect(ordered('core/d', 'core/a', 'core/c', 'core/b')).toEqual(['core/c', 'core/b', 'core/d', 'core/a']);
    expect(ordered('core/d', 'core/a', 'core/c')).toEqual(['core/c', 'core/d', 'core/a']);
    expect(ordered('core/z', 'core/c')).toEqual(['core/c', 'core/z']);
  });

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
