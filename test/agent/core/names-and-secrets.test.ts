// Small doors of the core: names that cannot leave their place, secrets that are learned, risks accepted by name.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Generation } from '../../../agent/core/deploy/generation.ts';
import { encodeSegment, historyFile, roleFile, targetFile } from '../../../agent/core/repository-names.ts';
import { createSecrets } from '../../../shared/encoding/redact.ts';
import { advisory } from '../../../shared/schema/advisory.ts';
import { AUTH, deployableOf } from '../../support/deploy-releases.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';
import { verifyRiskAccepted } from '../../support/finished.ts';

describe('a name on disk', () => {
  it.each([
    ['releases', 'releases.json'],
    ['a/b', 'a%2Fb.json'],
    ['..', '...json'],
    ["!'()*", '%21%27%28%29%2A.json'],
    ['\ud800', '%EF%BF%BD.json'],
  ])('of the role %j is %s', (role, file) => {
    expect(roleFile(role)).toBe(file);
  });

  it('is one segment of unreserved characters, and tells every name from every other', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(encodeSegment(a)).toMatch(/^[\w.~%-]*$/);
        expect(decodeURIComponent(encodeSegment(a))).toBe(a);
        expect(encodeSegment(a) === encodeSegment(b)).toBe(a === b);
      }),
    );
  });

  it('has at most two hundred bytes before its ending', () => {
    expect(roleFile('a'.repeat(200))).toHaveLength(205);
    expect(
      dataOf(
        refusalOf(() => roleFile('a'.repeat(201))),
        'trust/malformed',
      ).role,
    ).toBe(`${'a'.repeat(40)}…`);
    expect(targetFile('a'.repeat(200))).toHaveLength(200);
    expect(codeOf(() => targetFile('a'.repeat(201)))).toBe('trust/target-not-found');
  });

  it.each(['', '.', '..', '...'])('of a target is none for %j', (path) => {
    expect(codeOf(() => targetFile(path))).toBe('trust/target-not-found');
  });

  it.each([
    ['a.', 'a.'],
    ['.a', '.a'],
    ['platform/2.5.0.json', 'platform%2F2.5.0.json'],
  ])('of a target is one for %j', (path, file) => {
    expect(targetFile(path)).toBe(file);
  });

  it('of a root that was trusted is its version', () => {
    expect(historyFile(3)).toBe('root_history/3.root.json');
  });
});

describe('secrets', () => {
  it('are taken out of every text once they were learned, those before them too', () => {
    const secrets = createSecrets();
    const { redact } = secrets;
    expect(redact('hunter2 and sesame')).toBe('hunter2 and sesame');

    for (const secret of ['hunter2', 'sesame', 'hunter2']) secrets.learn(secret);

    expect(redact('hunter2 and sesame')).toBe('••• and •••');
  });

  it('are remembered up to a thousand, the last of them', () => {
    const secrets = createSecrets();
    for (let i = 0; i <= 1000; i++) secrets.learn(`secret-${String(i).padStart(4, '0')}!`);

    expect(secrets.redact('(secret-0000!) (secret-0001!) (secret-1000!)')).toBe('(secret-0000!) (•••) (•••)');
  });
});

describe('a risk of going back', () => {
  const target: Generation = { ...deployableOf({ [AUTH]: '1.0.0' }), number: 3, healthy: true };
  const advisoryOf = (id: string, changes: object = {}) =>
    advisory.parse({
      schema: 'fairlead/advisory@1',
      id,
      title: 'a hole',
      severity: 'critical',
      cves: [],
      published: '2026-03-01T00:00:00Z',
      affected: [{ component: AUTH, versions: '<1.0.1' }],
      fixed: [{ component: AUTH, version: '1.0.1' }],
      order: { notice: 'PT0S', deadline: '2026-03-09T00:00:00Z' },
      ...changes,
    });
  const ONE = advisoryOf('FL-2026-0001');
  const TWO = advisoryOf('FL-2026-0002');
  const HIGH = advisoryOf('FL-2026-0003', { severity: 'high', order: undefined });

  it('is taken where every one was accepted by its name, and what is not critical needs no yes', () => {
    expect(() =>
      verifyRiskAccepted(target, [ONE, TWO, HIGH], ['FL-2026-0001', 'FL-2026-0002']),
    ).not.toThrow();
    expect(() => verifyRiskAccepted(target, [HIGH], [])).not.toThrow();
  });

  it('is refused otherwise, with what is open and the whole yes to give', () => {
    const refusal = refusalOf(() => verifyRiskAccepted(target, [ONE, TWO], ['FL-2026-0001']));

    expect(dataOf(refusal, 'rollback/exposes')).toEqual({
      generation: 3,
      advisories: 'FL-2026-0002 (core/auth 1.0.0)',
      accept: '--accept-risk FL-2026-0001 --accept-risk FL-2026-0002',
    });
  });
});
