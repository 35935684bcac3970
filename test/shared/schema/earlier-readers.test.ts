// What classes, waves of orders and details of advisories are to an agent that knows none: an offer is none, a halt is one for all, an order forces at once.
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { parseTargetDocument } from '../../../shared/schema/target-document.ts';
import { type EarlierCode, hasCommit, takeOut } from '../../support/earlier-code.ts';

const EARLIER = 'a28840f';
const digest = `sha256:${'0a'.repeat(32)}`;
const all = { percent: 100, after: 'P1D' };
const ROLLOUT = {
  ...{ schema: 'fairlead/rollout@1', release: { kind: 'platform', version: '1.0.0' }, digest },
  ...{ track: 'stable', seed: 's', start: '2026-01-31T10:00:00Z', waves: [all] },
};
const OF_A_CLASS = { ...ROLLOUT, classes: [{ region: ['eu'] }] };
const FIRST_A_CLASS = {
  ...ROLLOUT,
  waves: [{ percent: 5, after: 'PT0S', classes: [{ region: ['eu'] }] }, all],
};
const TERMS = {
  ...{ schema: 'fairlead/order-terms@1', advisory: 'FL-2026-1', seed: 's' },
  ...{ start: '2026-01-31T10:00:00Z', waves: [{ percent: 1, after: 'PT0S' }, all] },
};
const DETAILS = { schema: 'fairlead/advisory-details@1', advisory: 'FL-2026-1', impact: 'i' };
const SCOPE = { schema: 'fairlead/halt-scope@1', digest, classes: [{ region: ['eu'] }] };
const PATHS = { rollout: 'rollouts/stable/platform/1.0.0.json', halt: `halts/${'0a'.repeat(32)}` };

type Parse = typeof parseTargetDocument;

describe.skipIf(!hasCommit(EARLIER))('an agent of before', { timeout: 30_000 }, () => {
  let code: EarlierCode;
  let parse: Parse;

  beforeAll(async () => {
    code = takeOut(EARLIER);
    const room = pathToFileURL(`${code.bin}/../../shared/schema/target-document.ts`).href;
    parse = ((await import(/* @vite-ignore */ room)) as { parseTargetDocument: Parse }).parseTargetDocument;
  });
  afterAll(() => code.remove());

  const bytes = (document: object) => utf8(JSON.stringify(document));

  it('takes what is for all, and reads no offer in what is for a class', () => {
    expect(parse(PATHS.rollout, bytes(ROLLOUT))?.kind).toBe('rollout');
    for (const limited of [OF_A_CLASS, FIRST_A_CLASS]) {
      expect(parseTargetDocument(PATHS.rollout, bytes(limited))?.kind).toBe('rollout');
      expect(() => parse(PATHS.rollout, bytes(limited))).toThrow(/does not match its schema/);
    }
  });

  it('reads the halt whose scope it does not know, and the advisory whose terms and details it does not', () => {
    const halt = {
      ...{ schema: 'fairlead/halt@1', digest, reason: 'r' },
      ...{ issued: '2026-01-31T10:00:00Z', expires: '2026-02-01T10:00:00Z' },
    };
    const advisory = {
      ...{
        schema: 'fairlead/advisory@1',
        id: 'FL-2026-1',
        title: 't',
        severity: 'critical',
        cves: [],
        fixed: [],
      },
      ...{ affected: [{ component: 'core/auth', versions: '<1' }], published: '2026-01-31T10:00:00Z' },
      order: { deadline: '2026-02-01T10:00:00Z' },
    };

    expect(parse(`${PATHS.halt}.json`, bytes(halt))?.kind).toBe('halt');
    expect(parse('advisories/FL-2026-1.json', bytes(advisory))?.kind).toBe('advisory');
    expect(() => parse(`${PATHS.halt}.scope.json`, bytes(SCOPE))).toThrow(/does not match its schema/);
    for (const [word, beside] of Object.entries({ terms: TERMS, details: DETAILS })) {
      const path = `advisories/FL-2026-1.${word}.json`;
      expect(parseTargetDocument(path, bytes(beside))?.kind).toMatch(word);
      expect(() => parse(path, bytes(beside))).toThrow(/does not match its schema/);
    }
  });
});
