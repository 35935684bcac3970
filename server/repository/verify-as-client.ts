// A repository as a client that trusts its first root sees it: every signature from there to the last role, by the rules of a client.
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { Root, Targets } from '../../shared/trust/metadata.ts';
import {
  delegateSigner,
  expectedTargets,
  type Signer,
  signerOf,
  verifyFresh,
  verifyInitialRoot,
  verifyNextRoot,
  verifySnapshot,
  verifyTargets,
  verifyTimestamp,
} from '../../shared/trust/rules.ts';
import { metadataName, TIMESTAMP } from './names.ts';
import type { RepositoryStore } from './store.ts';

/** The version of each role; null before the first publication. Errors: trust/*, server/repository-damaged. */
export async function verifyAsClient(
  store: RepositoryStore,
  now: EpochMs,
): Promise<ReadonlyMap<string, number> | null> {
  const shown = await store.read(TIMESTAMP);
  if (shown === null) return null;
  const root = await walkRoots(store);
  const timestamp = verifyTimestamp(root, null, shown.bytes);
  const expected = timestamp.snapshot;
  const snapshot = verifySnapshot(root, expected, null, await bytesOf(store, 'snapshot', expected.version));
  for (const [role, { expires }] of Object.entries({ root, timestamp, snapshot }))
    verifyFresh(role, expires, now);
  const versions = new Map([['root', root.version]]);
  const visit = async (role: string, signer: Signer): Promise<void> => {
    const meta = expectedTargets(snapshot, role);
    const targets: Targets = verifyTargets(role, signer, meta, await bytesOf(store, role, meta.version));
    versions.set(role, targets.version);
    for (const { name } of targets.delegations) {
      const next = delegateSigner(role, targets, name);
      if (next !== null && !versions.has(name)) await visit(name, next);
    }
  };
  await visit('targets', signerOf(root, 'targets'));
  return versions;
}

/** From the oldest that is there: none is ever removed. */
async function walkRoots(store: RepositoryStore): Promise<Root> {
  let root = verifyInitialRoot(await bytesOf(store, 'root', 1));
  for (;;) {
    const next = await store.read(metadataName('root', root.version + 1));
    if (next === null) return root;
    root = verifyNextRoot(root, next.bytes);
  }
}

async function bytesOf(store: RepositoryStore, role: string, version: number): Promise<Uint8Array> {
  const name = metadataName(role, version);
  const stored = await store.read(name);
  if (stored !== null) return stored.bytes;
  throw new FairleadError('server/repository-damaged', {
    ...{ repository: store.place, name, problem: 'it is missing' },
  });
}
