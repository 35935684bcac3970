// The documents behind target paths: the path says what is read, and what was read says where it belongs.
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { parseTargetDocument, placeOf } from '../../../shared/schema/target-document.ts';
import { codeOf } from '../../support/error-code.ts';

const digest = `sha256:${'0a'.repeat(32)}`;
const change = { id: 'CHG-1', revision: 'git:1', scope: 'all', builtAt: '2026-01-31T10:00:00Z' };
const base = { version: '1.2.0', change };
const PLATFORM = { schema: 'fairlead/platform@1', ...base, suites: { core: '1.0.0' } };
const SUITE = { schema: 'fairlead/suite@1', name: 'core', ...base, capabilities: { auth: '1.0.0' } };
const CAPABILITY = {
  ...{ schema: 'fairlead/capability@1', suite: 'core', name: 'auth', ...base },
  ...{ tree: { digest, files: 1, bytes: 1 }, service: { driver: 'process', exec: ['a'] } },
};
const ROLLOUT = {
  ...{ schema: 'fairlead/rollout@1', release: { kind: 'suite', name: 'core', version: '1.2.0' }, digest },
  ...{ track: 'stable', seed: 's', start: '2026-01-31T10:00:00Z', waves: [{ percent: 100, after: 'PT0S' }] },
};
const ADVISORY = {
  ...{ schema: 'fairlead/advisory@1', id: 'FL-2026-1', title: 't', severity: 'low', cves: [], fixed: [] },
  ...{ affected: [{ component: 'core/auth', versions: '<1' }], published: '2026-01-31T10:00:00Z' },
};
const HALT = {
  ...{ schema: 'fairlead/halt@1', digest, reason: 'r' },
  ...{ issued: '2026-01-31T10:00:00Z', expires: '2026-02-01T10:00:00Z' },
};
const TERMS = {
  ...{ schema: 'fairlead/order-terms@1', advisory: 'FL-2026-1', exploited: true, seed: 's' },
  ...{ start: '2026-01-31T10:00:00Z', waves: [{ percent: 100, after: 'PT0S' }] },
};
const DETAILS = { schema: 'fairlead/advisory-details@1', advisory: 'FL-2026-1', aliases: ['GHSA-1'] };
const SCOPE = { schema: 'fairlead/halt-scope@1', digest, classes: [{ region: ['eu'] }] };
const MIRRORS = {
  schema: 'fairlead/mirrors@1',
  mirrors: [{ url: 'https://eu.example/copy', regions: ['eu'] }],
};
const read = (path: string, document: object) => parseTargetDocument(path, utf8(JSON.stringify(document)));

describe('the document at a target path', () => {
  it.each([
    ['release', 'platform/1.2.0.json', PLATFORM],
    ['release', 'suites/core/1.2.0.json', SUITE],
    ['release', 'capabilities/core/auth/1.2.0.json', CAPABILITY],
    ['rollout', 'rollouts/stable/suites/core/1.2.0.json', ROLLOUT],
    ['advisory', 'advisories/FL-2026-1.json', ADVISORY],
    ['order-terms', 'advisories/FL-2026-1.terms.json', TERMS],
    ['advisory-details', 'advisories/FL-2026-1.details.json', DETAILS],
    ['halt', `halts/${'0a'.repeat(32)}.json`, HALT],
    ['halt-scope', `halts/${'0a'.repeat(32)}.scope.json`, SCOPE],
    ['mirrors', 'mirrors.json', MIRRORS],
  ])('is a %s, and belongs there: %s', (kind, path, document) => {
    const target = read(path, document);

    expect(target).toMatchObject({ kind, document });
    expect(target === null ? null : placeOf(target)).toBe(path);
  });

  it.each([
    ['platform/x', ROLLOUT],
    ['suites/x', ADVISORY],
    ['capabilities/x', HALT],
    ['rollouts/x', SUITE],
    ['advisories/x', HALT],
    ['advisories/FL-2026-1.terms.json', ADVISORY],
    ['advisories/FL-2026-1.details.json', TERMS],
    ['halts/x', ADVISORY],
    [`halts/${'0a'.repeat(32)}.scope.json`, HALT],
  ])('is not of another kind: %s', (path, document) => {
    expect(codeOf(() => read(path, document))).toBe('document/invalid');
  });

  it.each([
    'platform',
    'platform/',
    'platform/\n',
    '/platform/x',
    'other/x',
    'x/platform/x',
    '',
    'platforms/x',
  ])('has no place at %j', (path) => {
    expect(read(path, PLATFORM)).toBeNull();
  });

  it('is placed by what it says, wherever it was found', () => {
    const target = read('platform/elsewhere.json', PLATFORM);

    expect(target === null ? null : placeOf(target)).toBe('platform/1.2.0.json');
  });
});
