// The reference of the policy: every key of the schema, and something said of each.
import { describe, expect, it } from 'vitest';
import { policy } from '../../shared/schema/policy.ts';
import { policyKeys } from './pages/policy-page.ts';

describe('the policy reference', () => {
  it('has a row for every key', () => {
    const top = policyKeys().filter(({ path }) => !/[.[]/.test(path));

    expect(top.map(({ path }) => path)).toEqual(Object.keys(policy.shape));
  });

  it('says what each key means', () => {
    expect(policyKeys().filter(({ meaning }) => meaning === '')).toEqual([]);
  });
});
