// The chain of roots on disk: every root ever trusted, and how trust moves along it without ever moving back.
import { FairleadError, orNull } from '../../../shared/errors/error.ts';
import type { Root } from '../../../shared/trust/metadata.ts';
import { isRecovery, verifyInitialRoot, verifyNextRoot } from '../../../shared/trust/rules.ts';
import { historyFile, ROOT_FILE, SNAPSHOT_FILE, TIMESTAMP_FILE } from '../../core/repository-names.ts';
import type { TrustStore } from '../../ports/state.ts';

/**
 * The newest root this disk vouches for. A damaged root.json does not take trust back: the chain of kept roots is
 * walked again. `initial` came over a trusted way; it starts the chain where the disk holds none.
 * Errors: trust/no-root, trust/malformed, trust/threshold, disk/*.
 */
export async function loadRoot(store: TrustStore, initial: Uint8Array | null = null): Promise<Root> {
  const current = await loadCurrent(store);
  return current === null ? await replayHistory(store, initial) : await catchUp(store, current);
}

/** Starts trust anew from root metadata that came over a trusted way. Errors: trust/malformed, trust/threshold, disk/*. */
export async function startFrom(store: TrustStore, bytes: Uint8Array): Promise<void> {
  await writeRoot(store, verifyInitialRoot(bytes), bytes);
  await store.flush();
}

/**
 * Trusts the next root (TUF §5.3.4–5.3.11). It enters the history first and from then on is trusted for good; a crash
 * before root.json follows is caught up with at the next start, the recovery included. Not flushed. Errors: trust/*, disk/*.
 */
export async function advanceRoot(store: TrustStore, trusted: Root, bytes: Uint8Array): Promise<Root> {
  const next = verifyNextRoot(trusted, bytes);
  await writeRoot(store, next, bytes);
  if (isRecovery(trusted, next)) for (const file of [TIMESTAMP_FILE, SNAPSHOT_FILE]) store.remove(file);
  return next;
}

async function writeRoot(store: TrustStore, root: Root, bytes: Uint8Array): Promise<void> {
  await store.write(historyFile(root.version), bytes);
  await store.write(ROOT_FILE, bytes);
}

async function loadCurrent(store: TrustStore): Promise<Root | null> {
  const bytes = await store.read(ROOT_FILE);
  return bytes === null ? null : orNull(() => verifyInitialRoot(bytes));
}

/** Follows a history that ran ahead of root.json. */
async function catchUp(store: TrustStore, from: Root): Promise<Root> {
  let root = from;
  for (;;) {
    const bytes = await store.read(historyFile(root.version + 1));
    if (bytes === null || !isNext(root, bytes)) return root;
    root = await advanceRoot(store, root, bytes);
  }
}

/** Without root.json: the initial root, or else the oldest kept one, and every later one that continues it. */
async function replayHistory(store: TrustStore, initial: Uint8Array | null): Promise<Root> {
  let root = initial === null ? null : verifyInitialRoot(initial);
  let newest = initial;
  for (const version of await store.rootVersions()) {
    const bytes = root !== null && version <= root.version ? null : await store.read(historyFile(version));
    if (bytes === null) continue;
    const next = verifyLink(root, bytes);
    if (next === null) break;
    root = next;
    newest = bytes;
  }
  if (root === null || newest === null) {
    throw new FairleadError('trust/no-root', { directory: store.directory });
  }
  await writeRoot(store, root, newest);
  return root;
}

function isNext(root: Root, bytes: Uint8Array): boolean {
  return verifyLink(root, bytes) !== null;
}

function verifyLink(root: Root | null, bytes: Uint8Array): Root | null {
  return orNull(() => (root === null ? verifyInitialRoot(bytes) : verifyNextRoot(root, bytes)));
}
