// The rules of each kind of metadata: what is refused names the role and the versions it is about.

import { describe, expect, it } from 'vitest';
import type { FairleadError } from '../../../shared/errors/error.ts';
import { signMetadata } from '../../../shared/trust/metadata.ts';
import {
  delegateSigner,
  expectedTargets,
  isRecovery,
  signerOf,
  verifyCachedSnapshot,
  verifyFresh,
  verifyInitialRoot,
  verifyNextRoot,
  verifySnapshot,
  verifyTargets,
  verifyTimestamp,
} from '../../../shared/trust/rules.ts';
import { refusalOf } from '../../support/error-code.ts';
import { newKey, RepositorySimulator } from '../../support/repository-simulator.ts';

function trusted() {
  const repository = new RepositorySimulator();
  const root = verifyInitialRoot(repository.initialRoot());
  const timestamp = verifyTimestamp(root, null, repository.current('timestamp'));
  const snapshot = verifySnapshot(root, timestamp.snapshot, null, repository.current('snapshot'));
  return { repository, root, timestamp, snapshot };
}
const told = ({ code, data }: FairleadError) => ({ code, ...(data as object) });
const refused = (act: () => unknown) => told(refusalOf(act));

describe('a root', () => {
  it.each([
    ['the same version', 1],
    ['a gap', 3],
  ])('is not followed by one of %s', (_what, offered) => {
    const { repository, root } = trusted();
    repository.root.version = offered;
    const next = signMetadata(repository.root, repository.signers.get('root') ?? []);

    expect(refused(() => verifyNextRoot(root, next))).toEqual({
      ...{ code: 'trust/version-mismatch', role: 'root' },
      ...{ expected: 2, offered },
    });
  });

  it('is followed by the next, which both quorums have signed', () => {
    const { repository, root } = trusted();
    repository.publish('root');

    expect(verifyNextRoot(root, repository.current('root')).version).toBe(2);
    repository.setKeys('root', [newKey()]);
    repository.publish('root');
    expect(refused(() => verifyNextRoot(root, repository.current('root')))).toMatchObject({
      code: 'trust/threshold',
    });
  });

  it.each([
    ['nothing', [], false],
    ['a key of the timestamp', ['timestamp'], true],
    ['a key of the snapshot', ['snapshot'], true],
    ['a key of the targets', ['targets'], false],
  ])('that takes %s away asks for recovery or not', (_what, roles, recovers) => {
    const { repository, root } = trusted();
    for (const role of roles) repository.setKeys(role, [newKey()]);
    repository.publish('root');

    expect(isRecovery(root, verifyNextRoot(root, repository.current('root')))).toBe(recovers);
  });
});

describe('metadata that the wrong keys have signed', () => {
  const { repository, root, timestamp, snapshot } = trusted();
  const bare = { ...timestamp.snapshot, length: null, hashes: null };
  const unsigned = (role: string) => signMetadata(repository.signed.get(role), [newKey()]);

  it.each<[string, () => unknown]>([
    ['root', () => verifyInitialRoot(unsigned('root'))],
    ['root', () => verifyNextRoot(root, unsigned('root'))],
    ['timestamp', () => verifyTimestamp(root, timestamp, unsigned('timestamp'))],
    ['snapshot', () => verifyCachedSnapshot(root, unsigned('snapshot'))],
    ['snapshot', () => verifySnapshot(root, bare, snapshot, unsigned('snapshot'))],
    ['targets', () => verifyTargets('targets', signerOf(root, 'targets'), bare, unsigned('targets'))],
  ])('is refused: %s', (role, verify) => {
    expect(refused(verify)).toEqual({ code: 'trust/threshold', role, signer: 'root', needed: 1, valid: 0 });
  });

  it('is refused of a root that only the keys before it have signed', () => {
    const { repository: other, root: first } = trusted();
    const before = other.signers.get('root') ?? [];
    other.setKeys('root', [newKey(), newKey()], 2);
    other.root.version = 2;

    expect(refused(() => verifyNextRoot(first, signMetadata(other.root, before)))).toEqual({
      ...{ code: 'trust/threshold', role: 'root', signer: 'root' },
      ...{ needed: 2, valid: 0 },
    });
  });
});

describe('bytes that nobody signed for', () => {
  const { repository, root, timestamp, snapshot } = trusted();

  it.each<[string, () => unknown]>([
    [
      'snapshot.json',
      () =>
        verifySnapshot(root, { ...timestamp.snapshot, length: 1 }, snapshot, repository.current('snapshot')),
    ],
    [
      'releases.json',
      () =>
        verifyTargets(
          'releases',
          signerOf(root, 'targets'),
          { version: 1, length: 1, hashes: null },
          repository.current('targets'),
        ),
    ],
  ])('are refused under the name of their file: %s', (file, verify) => {
    expect(refused(verify)).toMatchObject({ code: 'trust/length-mismatch', file, expected: 1 });
  });
});

describe('metadata that cannot be read', () => {
  const BROKEN = Buffer.from('{}');
  const EMPTY = Buffer.from('{"signatures":[],"signed":{}}');
  const { root, timestamp, snapshot } = trusted();
  const bare = { ...timestamp.snapshot, length: null, hashes: null };

  it.each<[string, () => unknown]>([
    ['root', () => verifyInitialRoot(BROKEN)],
    ['root', () => verifyInitialRoot(EMPTY)],
    ['root', () => verifyNextRoot(root, BROKEN)],
    ['timestamp', () => verifyTimestamp(root, null, BROKEN)],
    ['snapshot', () => verifyCachedSnapshot(root, BROKEN)],
    ['snapshot', () => verifySnapshot(root, bare, snapshot, BROKEN)],
    ['releases', () => verifyTargets('releases', signerOf(root, 'targets'), bare, BROKEN)],
  ])('is named: %s', (role, verify) => {
    expect(refused(verify)).toMatchObject({ code: 'trust/malformed', role });
  });
});

describe('a timestamp', () => {
  it('never goes back, nor does the snapshot it names', () => {
    const { repository, root, timestamp } = trusted();
    const later = { ...timestamp, version: 5 };
    expect(refused(() => verifyTimestamp(root, later, repository.current('timestamp')))).toEqual({
      ...{ code: 'trust/rollback', role: 'timestamp' },
      ...{ trusted: 5, offered: 1 },
    });
    repository.publish('timestamp');
    const named = { ...timestamp, snapshot: { ...timestamp.snapshot, version: 7 } };
    expect(refused(() => verifyTimestamp(root, named, repository.current('timestamp')))).toEqual({
      ...{ code: 'trust/rollback', role: 'snapshot' },
      ...{ trusted: 7, offered: 1 },
    });
  });

  it('of the trusted version stays the trusted one', () => {
    const { repository, root, timestamp } = trusted();

    expect(verifyTimestamp(root, timestamp, repository.current('timestamp'))).toBe(timestamp);
    repository.publish('timestamp');
    expect(verifyTimestamp(root, timestamp, repository.current('timestamp')).version).toBe(2);
  });
});

describe('a snapshot', () => {
  it('is of the version that the timestamp names', () => {
    const { repository, root, timestamp } = trusted();
    const expected = { ...timestamp.snapshot, version: 9, length: null, hashes: null };

    expect(refused(() => verifySnapshot(root, expected, null, repository.current('snapshot')))).toEqual({
      ...{ code: 'trust/version-mismatch', role: 'snapshot' },
      ...{ expected: 9, offered: 1 },
    });
  });

  it('lists every role of the trusted one, none at a lower version', () => {
    const { repository, root, timestamp, snapshot } = trusted();
    const bare = { ...timestamp.snapshot, length: null, hashes: null };
    const follows = (before: object) =>
      verifySnapshot(root, bare, { ...snapshot, ...before }, repository.current('snapshot'));
    const meta = (role: string, version: number) =>
      new Map([...snapshot.meta, [`${role}.json`, { version, length: null, hashes: null }]]);

    expect(follows({}).version).toBe(1);
    expect(refused(() => follows({ version: 2 }))).toMatchObject({
      code: 'trust/rollback',
      role: 'snapshot',
    });
    expect(refused(() => follows({ meta: meta('targets', 4) }))).toEqual({
      ...{ code: 'trust/rollback', role: 'targets' },
      ...{ trusted: 4, offered: 1 },
    });
    expect(refused(() => follows({ meta: meta('x.json.y', 1) }))).toEqual({
      code: 'trust/role-removed',
      role: 'x.json.y',
    });
  });
});

describe('targets', () => {
  it('are of the version that the snapshot lists, under the name of their role', () => {
    const { repository, root, snapshot } = trusted();
    const bytes = repository.current('targets');
    const expected = { ...expectedTargets(snapshot, 'targets'), length: null, hashes: null };

    expect(verifyTargets('targets', signerOf(root, 'targets'), expected, bytes).version).toBe(1);
    expect(
      refused(() => verifyTargets('targets', signerOf(root, 'targets'), { ...expected, version: 3 }, bytes)),
    ).toEqual({
      ...{ code: 'trust/version-mismatch', role: 'targets' },
      ...{ expected: 3, offered: 1 },
    });
    expect(refused(() => expectedTargets(snapshot, 'releases'))).toEqual({
      code: 'trust/role-unlisted',
      role: 'releases',
    });
  });

  it('name the signer of a delegate, and none of a stranger', () => {
    const { repository, root, snapshot } = trusted();
    repository.delegate('targets', 'releases', { paths: ['*'] });
    repository.publish('targets');
    const bare = { ...expectedTargets(snapshot, 'targets'), version: 2, length: null, hashes: null };
    const targets = verifyTargets('targets', signerOf(root, 'targets'), bare, repository.current('targets'));

    expect(delegateSigner('targets', targets, 'releases')).toMatchObject({
      name: 'targets',
      role: { name: 'releases' },
    });
    expect(delegateSigner('targets', targets, 'strangers')).toBeNull();
  });
});

describe('expiry', () => {
  it.each([
    [1, true],
    [0, false],
    [-1, false],
  ])('must lie after the reference: %i ms', (ahead, fresh) => {
    const reference = Date.parse('2026-03-01T10:00:00Z');
    const verify = () => verifyFresh('targets', reference + ahead * 1000, reference);

    if (fresh) expect(verify).not.toThrow();
    else
      expect(refused(verify)).toEqual({
        code: 'trust/expired',
        role: 'targets',
        expires: ahead === 0 ? '2026-03-01T10:00:00Z' : '2026-03-01T09:59:59Z',
        reference: '2026-03-01T10:00:00Z',
      });
  });
});
