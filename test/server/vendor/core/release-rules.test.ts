// What a release must be before it may be signed, and what the fleet must say before a change may end.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseAffected,
  parseFixed,
  parseReference,
} from '../../../../server/vendor/core/advisory-options.ts';
import {
  checkedBeside,
  checkRelease,
  type KnownRelease,
  knownFrom,
} from '../../../../server/vendor/core/checks.ts';
import { createRelease } from '../../../../server/vendor/core/manifest.ts';
import {
  combineCounts,
  type FleetEvidence,
  judgeFleet,
  parseShare,
} from '../../../../server/vendor/core/post-deploy.ts';
import { formatWaves, parseWaves } from '../../../../server/vendor/core/waves.ts';
import type { ChangeRecord, FleetCounts } from '../../../../shared/change/change.ts';
import { openChange } from '../../../../shared/change/pipeline.ts';
import { lastWaveAt } from '../../../../shared/compile/waves.ts';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import type { JsonValue } from '../../../../shared/encoding/json.ts';
import type { Release } from '../../../../shared/schema/release.ts';
import { parseRef } from '../../../../shared/schema/release-ref.ts';
import { rollout } from '../../../../shared/schema/rollout.ts';
import { codeOf, dataOf, refusalOf } from '../../../support/error-code.ts';

const SERVICE = { driver: 'process', exec: ['node', 'server.js'] };
const HEALTH = [{ tcp: '127.0.0.1:1' }];
const TREE = { digest: digestOf(utf8('a tree')), files: 1, bytes: 6 };

function changeFor(text: string): ChangeRecord {
  const at = text.lastIndexOf('@');
  const version = parseRef(text).version;
  const fields = { id: 'CHG-1', component: text.slice(0, at), version, revision: 'git:1', scope: 'x' };
  return openChange(fields, '2026-01-01T10:00:00Z', 'anna');
}

function releaseOf(text: string, manifest: JsonValue): Release {
  const ref = parseRef(text);
  const tree = ref.kind === 'capability' ? TREE : null;
  const builtAt = '2026-01-01T10:00:00Z';
  return createRelease({ ref, change: changeFor(text), builtAt, tree, manifest, source: 'manifest.json' });
}

function capability(text: string, more: Record<string, JsonValue> = {}): Release {
  return releaseOf(text, { service: SERVICE, health: HEALTH, ...more });
}

function known(...releases: readonly Release[]): readonly KnownRelease[] {
  return releases.map(knownFrom);
}

function failedChecks(release: Release, catalog: readonly KnownRelease[]): readonly string[] {
  return checkRelease(release, catalog)
    .filter(({ outcome }) => outcome === 'failed')
    .map(({ check }) => check);
}

describe('the release document', () => {
  it('holds what the manifest says and what the pipeline knows', () => {
    expect(capability('core/auth@1.0.1')).toMatchObject({
      schema: 'fairlead/capability@1',
      suite: 'core',
      name: 'auth',
      version: '1.0.1',
      change: { id: 'CHG-1', revision: 'git:1', scope: 'x' },
      tree: TREE,
    });
  });

  it.each(['schema', 'suite', 'name', 'version', 'change', 'tree'])('refuses "%s" in the manifest', (key) => {
    const refusal = refusalOf(() => capability('core/auth@1.0.1', { [key]: 'x' }));

    expect(dataOf(refusal, 'document/invalid').issues.map(({ path }) => path)).toEqual([key]);
  });

  it('names the field that is missing', () => {
    const refusal = refusalOf(() => releaseOf('core/auth@1.0.1', { health: HEALTH }));

    expect(dataOf(refusal, 'document/invalid').issues.map(({ path }) => path)).toContain('service');
  });

  it('refuses a manifest that is no object', () => {
    expect(codeOf(() => releaseOf('core/auth@1.0.1', []))).toBe('document/invalid');
  });
});

describe('verification', () => {
  it('passes a capability with a probe whose requirements are released', () => {
    const release = capability('core/auth@1.0.1', { requires: { 'core/api': '^2.0.0' } });

    expect(failedChecks(release, known(capability('core/api@2.3.0')))).toEqual([]);
  });

  it('fails a requirement that nothing released meets', () => {
    const release = capability('core/auth@1.0.1', { requires: { 'core/api': '^2.0.0' } });

    expect(failedChecks(release, known(capability('core/api@1.9.0')))).toEqual(['requires']);
  });

  it('fails a requirement that only a withdrawn release meets', () => {
    const release = capability('core/auth@1.0.1', { requires: { 'core/api': '^2.0.0' } });
    const withdrawn = [{ ...knownFrom(capability('core/api@2.0.0')), withdrawn: true }];

    expect(failedChecks(release, withdrawn)).toEqual(['requires']);
  });

  it('fails a version that is released already', () => {
    const release = capability('core/auth@1.0.1');

    expect(failedChecks(release, known(release))).toEqual(['unique version']);
  });

  it('fails a suite that ships what nothing released meets', () => {
    const suite = releaseOf('core@1.0.0', { capabilities: { auth: '~1.0.0', api: '~3.0.0' } });

    expect(failedChecks(suite, known(capability('core/auth@1.0.1')))).toEqual(['bill of materials']);
  });

  it('passes a platform whose suites are released', () => {
    const platform = releaseOf('platform@2.0.0', { suites: { core: '1.0.0' } });
    const suite = releaseOf('core@1.0.0', { capabilities: {} });

    expect(failedChecks(platform, known(suite))).toEqual([]);
  });

  it('fails while a required stop on the way up is withdrawn', () => {
    const stop = capability('core/auth@1.0.0', { requiredStop: true });

    expect(failedChecks(capability('core/auth@1.1.0'), [{ ...knownFrom(stop), withdrawn: true }])).toEqual([
      'required stops',
    ]);
  });
});

describe('what verification asks of a long history', () => {
  const NAMES = ['platform', 'a', 'b', 'a/p', 'a/q', 'b/p'];
  const RANGES = ['^1.0.0', '2.0.0', '<2.0.0'];
  const named = (names: readonly string[]) =>
    fc.dictionary(fc.constantFrom(...names), fc.constantFrom(...RANGES));
  const tried = fc.constantFrom(...NAMES).chain((name) =>
    named(NAMES.filter((one) => one !== name)).chain((requires) => {
      const text = `${name}@2.0.0`;
      if (name === 'platform')
        return named(['a', 'b']).map((suites) => releaseOf(text, { requires, suites }));
      if (name.includes('/')) return fc.constant(capability(text, { requires }));
      return named(['p', 'q']).map((capabilities) => releaseOf(text, { requires, capabilities }));
    }),
  );
  const history = fc.array(
    fc
      .record({ name: fc.constantFrom(...NAMES), version: fc.constantFrom('1.0.0', '1.1.0', '2.0.0') })
      .chain(({ name, version }) =>
        fc.record({
          component: fc.constant(name),
          version: fc.constant(parseRef(`${name}@${version}`).version),
          ...{ requiredStop: fc.boolean(), withdrawn: fc.boolean() },
        }),
      ),
  );

  it('is what all of it would say', () => {
    fc.assert(
      fc.property(fc.array(tried, { minLength: 1, maxLength: 3 }), history, (releases, all) => {
        const beside = checkedBeside(...releases);
        const asked = all.filter(({ component }) => beside.has(component));
        for (const release of releases)
          expect(checkRelease(release, asked)).toEqual(checkRelease(release, all));
      }),
    );
  });
});

describe('waves', () => {
  it('reads shares and delays, and writes them back', () => {
    const text = '1%,10%@PT1H,100%@PT24H';

    expect(parseWaves(text)).toEqual([
      { percent: 1, after: 'PT0S' },
      { percent: 10, after: 'PT1H' },
      { percent: 100, after: 'PT24H' },
    ]);
    expect(formatWaves(parseWaves(text))).toBe(text);
  });

  it.each(['', '50%', '100', '10%,5%,100%', '10%@PT2H,100%@PT1H', '0%,100%', '101%', '1%@soon,100%'])(
    'refuses "%s"',
    (text) => {
      expect(codeOf(() => parseWaves(text))).toBe('vendor/option-invalid');
    },
  );

  it.each([
    '5%[region=eu],100%@PT1H',
    '1%[os=debian:12 region=eu|us],10%@PT1H,100%@PT24H',
    '100%[region=eu;driver=compose],100%@P1D',
  ])('reads shares of classes, and writes them back: %s', (text) => {
    expect(formatWaves(parseWaves(text))).toBe(text);
  });

  it.each([
    ['a last wave of a class', '100%[region=eu]'],
    ['a class that everybody of was reached', '10%,5%[region=eu]@PT1H,100%@PT2H'],
    ['a fact twice, which would have to be both', '5%[os=debian os=ubuntu],100%@PT1H'],
    ['a driver that no agent has', '5%[driver=snap],100%@PT1H'],
    ['a fact that no install has', '5%[colour=red],100%@PT1H'],
    ['nothing in brackets', '5%[],100%@PT1H'],
    ['a value that is none', '5%[region=],100%@PT1H'],
    ['capitals', '5%[region=EU],100%@PT1H'],
  ])('refuses %s', (_name, text) => {
    expect(codeOf(() => parseWaves(text))).toBe('vendor/option-invalid');
  });

  it('knows when everyone has been offered the release', () => {
    const document = rollout.parse({
      schema: 'fairlead/rollout@1',
      release: { kind: 'platform', version: '1.0.0' },
      digest: TREE.digest,
      track: 'stable',
      seed: 'x',
      start: '2026-01-01T00:00:00Z',
      waves: parseWaves('10%,100%@P1D'),
    });

    expect(lastWaveAt(document)).toBe(Date.parse('2026-01-02T00:00:00Z'));
  });
});

describe('the fleet', () => {
  const none = { committed: 0, rolledBack: 0, inProgress: 0, failed: 0 };
  const judge = (
    counts: Partial<FleetCounts>,
    atLeast = 1,
    lastWave: number | null = null,
    more: Partial<FleetEvidence> = {},
  ) => {
    const evidence = { counts: { ...none, ...counts }, atLeast, lastWave, now: 1000 };
    return judgeFleet({ ...evidence, tolerance: 0.02, isAcknowledged: false, ...more }).kind;
  };

  it.each([
    ['enough commits', judge({ committed: 1 }), 'passed'],
    ['silence', judge({}), 'awaited'],
    ['too few commits', judge({ committed: 2 }, 3), 'awaited'],
    ['one that still deploys', judge({ committed: 5, inProgress: 1 }), 'awaited'],
    ['a wave that has not opened', judge({ committed: 5 }, 1, 1001), 'awaited'],
    ['a last wave that has opened', judge({ committed: 5 }, 1, 1000), 'passed'],
    ['one rolled back of a thousand', judge({ committed: 999, rolledBack: 1 }), 'passed'],
    ['as many as the tolerance', judge({ committed: 98, rolledBack: 2 }), 'passed'],
    ['one more than the tolerance', judge({ committed: 97, rolledBack: 3 }), 'failed'],
    ['one of ten', judge({ committed: 9, failed: 1 }), 'failed'],
    [
      'one, where none is tolerated',
      judge({ committed: 999, failed: 1 }, 1, null, { tolerance: 0 }),
      'failed',
    ],
    [
      'half, where half is tolerated',
      judge({ committed: 5, failed: 5 }, 1, null, { tolerance: 0.5 }),
      'passed',
    ],
    ['a power cut at one of a thousand', judge({ committed: 999, rolledBack: 1, environment: 1 }), 'passed'],
    ['power cuts at one in ten', judge({ committed: 9, rolledBack: 1, environment: 1 }), 'awaited'],
    [
      'power cuts at one in ten, acknowledged',
      judge({ committed: 9, rolledBack: 1, environment: 1 }, 1, null, { isAcknowledged: true }),
      'passed',
    ],
    [
      'faults of its own beyond the tolerance, acknowledged',
      judge({ committed: 9, rolledBack: 1 }, 1, null, { isAcknowledged: true }),
      'failed',
    ],
    [
      'power cuts that hide no fault of its own',
      judge({ committed: 9, failed: 9, environment: 8 }),
      'failed',
    ],
    ['one silent of a thousand', judge({ committed: 999, inProgress: 1, silent: 1 }), 'passed'],
    ['one silent of ten', judge({ committed: 9, inProgress: 1, silent: 1 }), 'awaited'],
    [
      'silence alone, acknowledged',
      judge({ inProgress: 5, silent: 5 }, 1, null, { isAcknowledged: true }),
      'awaited',
    ],
    ['one silent while others deploy', judge({ committed: 999, inProgress: 2, silent: 1 }), 'awaited'],
    ['one failed while others deploy', judge({ inProgress: 9, failed: 1 }), 'failed'],
  ])('%s: %s', (_name, verdict, expected) => {
    expect(verdict).toBe(expected);
  });

  it.each(['2', '101%', '-1%', '2.345%', '', '%', '2 %'])('refuses "%s" as a share', (text) => {
    expect(codeOf(() => parseShare(text, '--tolerance'))).toBe('vendor/option-invalid');
  });

  it('takes a suite to be as widely deployed as its rarest part, with every failure', () => {
    const parts = [
      { committed: 5, rolledBack: 0, inProgress: 1, failed: 0 },
      { committed: 2, rolledBack: 1, inProgress: 0, failed: 0 },
    ];

    expect(combineCounts(parts)).toEqual({ committed: 2, rolledBack: 1, inProgress: 1, failed: 0 });
  });
});

describe('components on an advisory', () => {
  it('reads what is affected and what is fixed', () => {
    expect(parseAffected('core/auth:<1.2.8')).toEqual({ component: 'core/auth', versions: '<1.2.8' });
    expect(parseFixed('core/auth@1.2.9')).toEqual({ component: 'core/auth', version: '1.2.9' });
  });

  it.each(['core/auth', 'core:<1', ':<1', 'core/auth:seven', 'core/auth@<1.2.8', ''])(
    'refuses "%s" as affected and names the option',
    (text) => {
      const refusal = expect(() => parseAffected(text));
      refusal.toThrow(expect.objectContaining({ code: 'vendor/option-invalid' }));
      refusal.toThrow('--affected');
    },
  );

  it.each(['core/auth', 'core@1.0.0', 'core/auth@seven', 'core/auth:1.2.9', ''])(
    'refuses "%s" as a fix and names the option',
    (text) => {
      expect(() => parseFixed(text)).toThrow('--fixed');
    },
  );

  it('reads a reference with its kind, which may be left out', () => {
    expect(parseReference('fix=https://e.com/?a=b')).toEqual({ kind: 'fix', url: 'https://e.com/?a=b' });
    expect(parseReference('https://e.com/?a=b')).toEqual({ kind: 'web', url: 'https://e.com/?a=b' });
  });

  it.each(['git=https://e.com/', 'fix=', 'fix', 'ftp://e.com/', 'https://a:b@e.com/', ''])(
    'refuses "%s" as a reference and names the option',
    (text) => {
      expect(() => parseReference(text)).toThrow('--reference');
    },
  );
});
