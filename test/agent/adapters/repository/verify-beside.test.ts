// Large metadata is verified beside the loop: the same verdict as at once, and the agent answers meanwhile.
import { describe, expect, it } from 'vitest';
import { createVerifyTargets } from '../../../../agent/adapters/repository/verify-beside.ts';
import { createLister } from '../../../../agent/engine/repository/listed.ts';
import { TargetsTree } from '../../../../agent/engine/repository/updater.ts';
import type { JsonObject } from '../../../../shared/encoding/json.ts';
import { TOP_LEVEL_TARGETS } from '../../../../shared/trust/delegation.ts';
import { type Root, type Snapshot, signMetadata, type Targets } from '../../../../shared/trust/metadata.ts';
import { type Signer, verifyTargets } from '../../../../shared/trust/rules.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { hostileTargets } from '../../../support/hostile-metadata.ts';
import { MemoryTrustStore } from '../../../support/memory-trust-store.ts';
import { testKey } from '../../../support/publications.ts';
import { watchWork } from '../../../support/turns.ts';

const LONGEST_TURN_MS = 50;
const KEY = testKey('releases');
const SIGNER: Signer = {
  name: 'targets',
  role: { keyids: [KEY.keyid], threshold: 1 },
  keys: new Map([[KEY.keyid, { keytype: 'ed25519', scheme: 'ed25519', public: KEY.key.keyval.public }]]),
};
const EXPECTED = { version: 1, length: null, hashes: null };
const verify = createVerifyTargets();

/** Not in order. */
function targetsOf(count: number, extra: JsonObject = {}): Uint8Array {
  const entries = Array.from({ length: count }, (_, i) => [
    `capabilities/core/c${(i * 7919) % count}/1.0.0.json`,
    { length: 1234, hashes: { sha256: i.toString(16).padStart(64, '0') }, custom: { name: 'core' } },
  ]);
  const base = { _type: 'targets', spec_version: '1.0.31', version: 1, expires: '2099-01-01T00:00:00Z' };
  return signMetadata({ ...base, targets: Object.fromEntries(entries), ...extra }, [KEY]);
}

/** What comes of it, the error included, and the longest turn of this thread meanwhile. */
const watched = <Result>(work: () => Promise<Result>) =>
  watchWork(() => work().catch((error: unknown) => error as Error & { code: string }), LONGEST_TURN_MS);

describe('metadata of targets', () => {
  it('of three megabytes is read as it is at once, and holds nobody up', async () => {
    const bytes = targetsOf(20_000);

    const { result, longest } = await watched(() => verify('releases', SIGNER, EXPECTED, bytes));

    expect(bytes.length).toBeGreaterThan(3e6);
    // Where each entry ends is found beside the loop alone, for the next version.
    expect({ ...result, outline: undefined }).toEqual(verifyTargets('releases', SIGNER, EXPECTED, bytes));
    expect(longest).toBeLessThan(LONGEST_TURN_MS);
  }, 60_000);

  it.each(['honest targets', 'as many names as may be', 'long texts of two bytes', 'arrays in arrays'])(
    'of sixteen megabytes full of %s is refused as it is at once, and holds nobody up',
    async (shape) => {
      const bytes = hostileTargets(shape, 16 << 20);

      const { result, longest } = await watched(() => verify('releases', SIGNER, EXPECTED, bytes));

      expect(result).toMatchObject({ code: expect.stringMatching(/^trust\/(?:threshold|malformed)$/) });
      expect(longest).toBeLessThan(LONGEST_TURN_MS);
    },
    60_000,
  );

  it.each([
    ['another version', { ...EXPECTED, version: 2 }, 'trust/version-mismatch'],
    ['another length', { ...EXPECTED, length: 7 }, 'trust/length-mismatch'],
    ['another hash', { ...EXPECTED, hashes: new Map([['sha256', '00']]) }, 'trust/hash-mismatch'],
  ])('that is large and has %s than the snapshot says is refused for that', async (_what, expected, code) => {
    const refusal = await rejectionOf(verify('releases', SIGNER, expected, targetsOf(2_000)));

    expect(refusal.code).toBe(code);
  });
});

it('two large files that are asked about at once come back each with its own targets', async () => {
  const sizes = [2_500, 3_500];

  const both = await Promise.all(
    sizes.map((count) => verify('releases', SIGNER, EXPECTED, targetsOf(count))),
  );

  expect(both.map(({ targets }) => targets)).toEqual(
    sizes.map((count) => verifyTargets('releases', SIGNER, EXPECTED, targetsOf(count)).targets),
  );
});

it('a thread that forgets what it verified, as one that has begun anew, is not asked for ever', async () => {
  const verifyForgetful = createVerifyTargets('test/support/forgetful-thread.ts');

  const { targets } = await verifyForgetful('releases', SIGNER, EXPECTED, targetsOf(2_000));

  expect(targets.size).toBe(2_000);
});

it('where no thread can be had, a large file is verified all the same', async () => {
  const verifyAlone = createVerifyTargets('test/support/no-such-thread.ts');
  const bytes = targetsOf(2_000);

  expect((await verifyAlone('releases', SIGNER, EXPECTED, bytes)).targets.size).toBe(2_000);
  const refusal = await rejectionOf(verifyAlone('releases', SIGNER, { ...EXPECTED, version: 2 }, bytes));
  expect(refusal.code).toBe('trust/version-mismatch');
});

it('who may speak for which path is found in slices, however many patterns are asked', async () => {
  const roles = Array.from({ length: 600 }, (_, i) => ({
    name: `r${i}`,
    paths: [`capabilities/core/*x${i}/*`],
    keyids: [KEY.keyid],
    threshold: 1,
    terminating: false,
  }));
  const bytes = targetsOf(2_000, { delegations: { keys: { [KEY.keyid]: KEY.key }, roles } });
  const targets = verifyTargets('targets', SIGNER, EXPECTED, bytes);
  // Asked for a path that nobody lists, every pattern is looked at.
  const hidden = { ...targets, targets: new Map() };
  const tree = treeOf(hidden, targets);

  const { result, longest } = await watched(() =>
    createLister(() => undefined)(tree, [TOP_LEVEL_TARGETS, { delegator: 'targets', role: 'r0' }]),
  );

  expect(result).toEqual([]);
  expect(longest).toBeLessThan(LONGEST_TURN_MS);
}, 60_000);

function treeOf(top: Targets, delegate: Targets): TargetsTree {
  const tree = new TargetsTree(
    { store: new MemoryTrustStore(), source: { metadata: () => Promise.reject(new Error('not asked')) } },
    {} as Root,
    { meta: new Map() } as unknown as Snapshot,
  );
  return Object.assign(Object.create(tree), {
    lookUp: ({ role }: { role: string }) => (role === 'targets' ? top : role === 'r0' ? delegate : undefined),
  });
}
