// From a document to the catalog: which paths are read at all, and that each document is what its path says.
import { describe, expect, it } from 'vitest';
import { collectCatalog, isCatalogPath, parseEntry } from '../../../../agent/engine/repository/documents.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { codeOf, dataOf, refusalOf } from '../../../support/error-code.ts';

const bytesOf = (document: object) => new TextEncoder().encode(JSON.stringify(document));
const HEX = 'a'.repeat(64);
const PLATFORM = bytesOf({
  ...{ schema: 'fairlead/platform@1', version: '1.0.0', suites: {} },
  change: { id: 'CHG-1', revision: 'git:1', scope: 'all', builtAt: '2026-05-01T00:00:00Z' },
});
const HALT = bytesOf({
  ...{ schema: 'fairlead/halt@1', digest: `sha256:${HEX}`, reason: 'it fails' },
  ...{ issued: '2026-05-31T00:00:00Z', expires: '2026-06-02T00:00:00Z' },
});
const ADVISORY = bytesOf({
  ...{ schema: 'fairlead/advisory@1', id: 'FL-1', title: 'a hole', severity: 'low', cves: [], fixed: [] },
  ...{ affected: [{ component: 'core/auth', versions: '<1.0.1' }], published: '2026-05-01T00:00:00Z' },
});
const ROLLOUT = bytesOf({
  ...{
    schema: 'fairlead/rollout@1',
    release: { kind: 'platform', version: '1.0.0' },
    digest: `sha256:${HEX}`,
  },
  ...{ track: 'stable', seed: 's', start: '2026-05-01T00:00:00Z', waves: [{ percent: 100, after: 'PT0S' }] },
});

describe('a path', () => {
  it.each([
    ['platform/1.0.0.json', true],
    ['suites/core/1.0.0.json', true],
    ['capabilities/core/auth/1.0.0.json', true],
    ['rollouts/stable/platform/1.0.0.json', true],
    ['advisories/FL-1.json', true],
    ['halts/a.json', true],
    ['halts/', false],
    ['halts', false],
    ['x/halts/a.json', false],
    ['halt/a.json', false],
    ['', false],
  ])('%j is the agent’s business or not', (path, isRead) => {
    expect(isCatalogPath(path)).toBe(isRead);
  });
});

describe('a document in its place', () => {
  it('that is a release keeps its bytes and their digest', () => {
    expect(parseEntry('platform/1.0.0.json', PLATFORM)).toMatchObject({
      kind: 'release',
      document: { document: { version: '1.0.0' }, bytes: PLATFORM, digest: digestOf(PLATFORM) },
    });
  });

  it('is found in the catalog under its kind, in the order of the listing', () => {
    const entries = [
      parseEntry(`halts/${HEX}.json`, HALT),
      parseEntry('platform/1.0.0.json', PLATFORM),
      parseEntry('advisories/FL-1.json', ADVISORY),
      parseEntry('rollouts/stable/platform/1.0.0.json', ROLLOUT),
    ];

    expect(collectCatalog([...entries, ...entries.slice(2, 3)])).toMatchObject({
      releases: [{ digest: digestOf(PLATFORM) }],
      rollouts: [{ track: 'stable' }],
      advisories: [{ id: 'FL-1' }, { id: 'FL-1' }],
      halts: [{ reason: 'it fails' }],
    });
    expect(collectCatalog([])).toEqual({ releases: [], rollouts: [], advisories: [], halts: [] });
  });

  it('puts to an advisory its terms and its details, and to a halt its scope, wherever they stand', () => {
    const classes = [{ region: ['eu'] }];
    const terms = {
      ...{ schema: 'fairlead/order-terms@1', advisory: 'FL-1', exploited: false, seed: 's' },
      ...{ start: '2026-05-01T00:00:00Z', waves: [{ percent: 100, after: 'PT0S' }] },
    };
    const details = { schema: 'fairlead/advisory-details@1', advisory: 'FL-1', impact: 'reads mail' };
    const scope = { schema: 'fairlead/halt-scope@1', digest: `sha256:${HEX}`, classes };

    const catalog = collectCatalog([
      parseEntry(`halts/${HEX}.scope.json`, bytesOf(scope)),
      parseEntry(`halts/${HEX}.json`, HALT),
      parseEntry('advisories/FL-1.json', ADVISORY),
      parseEntry('advisories/FL-1.terms.json', bytesOf(terms)),
      parseEntry('advisories/FL-1.details.json', bytesOf(details)),
    ]);

    expect(catalog.halts).toMatchObject([{ reason: 'it fails', classes }]);
    expect(catalog.advisories).toMatchObject([{ id: 'FL-1', terms, details }]);
  });

  it('is told where it belongs', () => {
    const refusal = refusalOf(() => parseEntry('platform/2.0.0.json', PLATFORM));

    expect(dataOf(refusal, 'trust/misplaced')).toEqual({
      path: 'platform/2.0.0.json',
      problem: 'its content belongs at platform/1.0.0.json',
    });
  });

  it.each<[string, string, Uint8Array]>([
    ['a halt under another digest', `halts/${'b'.repeat(64)}.json`, HALT],
    ['an advisory under another name', 'advisories/FL-2.json', ADVISORY],
    ['a rollout of another track', 'rollouts/candidate/platform/1.0.0.json', ROLLOUT],
    ['a rollout of another release', 'rollouts/stable/platform/2.0.0.json', ROLLOUT],
  ])('is not %s', (_what, path, bytes) => {
    expect(codeOf(() => parseEntry(path, bytes))).toBe('trust/misplaced');
  });
});
