// Roles, their quorums and the exchange of their keys.
import { describe, expect, it } from 'vitest';
import { countSignatures, isReached, signerFor } from '../../../../server/vendor/core/quorum.ts';
import {
  draftDelegated,
  draftRoot,
  draftTargets,
  type Keyring,
  type RoleKeys,
} from '../../../../server/vendor/core/roles.ts';
import { exchangeKeys, keyringOf } from '../../../../server/vendor/core/rotation.ts';
import { isInScope } from '../../../../shared/trust/delegation.ts';
import { type SigningKey, signingKeyFromSeed } from '../../../../shared/trust/key.ts';
import { parseEnvelope, signMetadata } from '../../../../shared/trust/metadata.ts';
import { parseTargets } from '../../../../shared/trust/parse-metadata.ts';
import { codeOf } from '../../../support/error-code.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const KEYS = Array.from({ length: 20 }, (_, i) => signingKeyFromSeed(new Uint8Array(32).fill(i + 1)));

function keys(threshold: number, ...numbers: readonly number[]): RoleKeys {
  return {
    threshold,
    keys: numbers.map((number) => ({ keyid: KEYS[number]!.keyid, key: KEYS[number]!.key })),
  };
}

const KEYRING: Keyring = {
  root: keys(2, 0, 1, 2),
  targets: keys(1, 3),
  security: keys(1, 4),
  halts: keys(1, 5),
  releases: keys(2, 6, 7, 8),
  snapshot: keys(1, 9),
  timestamp: keys(1, 10),
};

function quorum(signers: readonly SigningKey[]) {
  const envelope = parseEnvelope(signMetadata(draftDelegated('releases', 1, NOW, {}), signers), 'releases');
  return countSignatures(envelope, signerFor('releases', draftTargets(1, NOW, KEYRING)));
}

describe('a quorum', () => {
  it('is reached by enough distinct keys', () => {
    expect(isReached(quorum([KEYS[6]!, KEYS[8]!]))).toBe(true);
  });

  it.each([
    ['one key of two', [KEYS[6]!]],
    ['one key and one of another role', [KEYS[6]!, KEYS[4]!]],
  ])('is not reached by %s', (_what, signers) => {
    expect(quorum(signers)).toEqual({ valid: 1, needed: 2 });
  });

  it('counts a key once, however many signatures it gives', () => {
    const envelope = parseEnvelope(
      signMetadata(draftDelegated('releases', 1, NOW, {}), [KEYS[6]!]),
      'releases',
    );
    const signatures = [...envelope.signatures, ...envelope.signatures];
    const signer = signerFor('releases', draftTargets(1, NOW, KEYRING));

    expect(countSignatures({ ...envelope, signatures }, signer).valid).toBe(1);
  });
});

describe('delegations', () => {
  const { delegations } = parseTargets(draftTargets(1, NOW, KEYRING), 'targets');
  const speakersFor = (path: string) =>
    delegations.filter(({ scope }) => isInScope(path, scope)).map(({ name }) => name);

  it.each([
    ['advisories/FL-2026-0003.json', 'security'],
    [`halts/${'a'.repeat(64)}.json`, 'halts'],
    ['platform/2.5.0.json', 'releases'],
    ['suites/core/1.2.0.json', 'releases'],
    ['capabilities/core/auth/1.0.1.json', 'releases'],
    ['rollouts/stable/platform/2.5.0.json', 'releases'],
    ['rollouts/stable/suites/core/1.2.0.json', 'releases'],
    ['rollouts/stable/capabilities/core/auth/1.0.1.json', 'releases'],
  ])('lets exactly one role speak for %s', (path, role) => {
    expect(speakersFor(path)).toEqual([role]);
  });

  it.each(['other/x.json', 'advisories/deep/x.json', 'capabilities/core/1.0.1.json', 'x.json'])(
    'lets nobody speak for %s',
    (path) => {
      expect(speakersFor(path)).toEqual([]);
    },
  );

  it('asks security first, and nobody after it', () => {
    expect(delegations[0]).toMatchObject({ name: 'security', terminating: true });
    expect(delegations.every(({ terminating }) => terminating)).toBe(true);
  });
});

describe('exchanging keys', () => {
  it('reads the keyring back from the metadata', () => {
    expect(keyringOf(draftRoot(1, NOW, KEYRING), draftTargets(1, NOW, KEYRING))).toEqual(KEYRING);
  });

  it('takes one away, adds one and keeps the rest', () => {
    const change = { add: [KEYS[11]!.key], remove: [KEYS[7]!.keyid.slice(0, 12)], threshold: null };

    expect(exchangeKeys(KEYRING.releases, change)).toEqual(keys(2, 6, 8, 11));
  });

  it('adds a key that is there already only once', () => {
    expect(exchangeKeys(KEYRING.releases, { add: [KEYS[6]!.key], remove: [], threshold: null })).toEqual(
      KEYRING.releases,
    );
  });

  it.each([
    ['a threshold nobody could reach', { add: [], remove: [], threshold: 4 }],
    ['a threshold of nobody', { add: [], remove: [], threshold: 0 }],
    ['a threshold that is no number', { add: [], remove: [], threshold: Number.NaN }],
    ['a key that is not there', { add: [], remove: [KEYS[15]!.keyid], threshold: null }],
    ['a key id too short to mean one', { add: [], remove: [KEYS[6]!.keyid.slice(0, 4)], threshold: null }],
    ['too few keys left', { add: [], remove: [KEYS[6]!.keyid, KEYS[7]!.keyid], threshold: null }],
  ])('refuses %s', (_what, change) => {
    expect(codeOf(() => exchangeKeys(KEYRING.releases, change))).toBe('vendor/option-invalid');
  });
});
