// The repository of a server that keeps it elsewhere than in its directory: claimed once, and never mixed up with another fleet's.
import { z } from 'zod';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { isPresent } from '../../shared/node/read-file.ts';
import { digest } from '../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { readFirstDigest } from '../db/audit-chain.ts';
import type { Database } from '../db/tables.ts';
import { type Layout, readRepositoryMark, writeRepositoryMark } from '../repository/layout.ts';
import { FLEET, TIMESTAMP } from '../repository/names.ts';
import { openStore, verifyStore } from '../repository/open-store.ts';
import type { RepositoryStore } from '../repository/store.ts';
import type { Home } from './home.ts';

const fleetMark = z.strictObject({
  schema: z.literal('fairlead/fleet@1'),
  /** Digest of the first entry of the fleet's audit log: no other fleet has it. */
  first: digest,
});

export function isElsewhere({ layout, repository }: Home): boolean {
  return repository.kind === 's3' || repository.path !== layout.dir;
}

/**
 * Another place than the directory's would begin an empty repository beside the real one.
 * Errors: server/repository-elsewhere, server/repository-embedded.
 */
export async function verifyRepositoryPlace(home: Home, use: 'make' | 'use' | 'move'): Promise<void> {
  const { layout, repository } = home;
  const { dir } = layout;
  const marked = await readRepositoryMark(layout);
  if (marked !== null && (use === 'move' || !isElsewhere(home) || marked !== repository.place)) {
    throw new FairleadError('server/repository-elsewhere', { dir, repository: marked });
  }
  if (marked !== null || !isElsewhere(home)) return;
  if (use === 'use' || (use === 'make' && (await isPresent(layout.repository))))
    throw new FairleadError('server/repository-embedded', { dir });
}

/** What `run` needs of it, shown before the first request. Errors: server/repository-*, disk/*. */
export async function verifyRepository(db: Database, home: Home): Promise<void> {
  if (!isElsewhere(home)) return;
  await withStore(home, async (store) => {
    await verifyStore(store);
    if ((await readFleet(store)) !== (await readFirstDigest(db))) throw foreign(home);
  });
}

/** Makes an empty place this fleet's; may be repeated. Errors: server/repository-*, disk/*. */
export async function claimRepository(db: Database, home: Home): Promise<void> {
  if (!isElsewhere(home)) return;
  await withStore(home, (store) => claimStore(store, db, home));
  await writeRepositoryMark(home.layout, home.repository.place);
}

/** The mark of the fleet comes before anything else of it. */
export async function claimStore(store: RepositoryStore, db: Database, home: Home): Promise<void> {
  await verifyStore(store);
  const first = await readFirstDigest(db);
  if (first === null) throw new Error('a fleet has the entry of its first token');
  const bytes = utf8(`${JSON.stringify({ schema: 'fairlead/fleet@1', first })}\n`);
  const found = await readFleet(store);
  if (found === first) return;
  const isEmpty = found === null && (await store.tagOf(TIMESTAMP)) === null;
  if (!isEmpty || !(await store.replace(FLEET, bytes, null))) throw foreign(home);
}

async function readFleet(store: RepositoryStore): Promise<string | null> {
  const stored = await store.read(FLEET);
  return stored === null ? null : parseDocumentBytes(fleetMark, stored.bytes, FLEET).first;
}

/** Errors: those of the store and of `use`. */
export async function withStore<Result>(
  { repository }: Pick<Home, 'repository'>,
  use: (store: RepositoryStore) => Promise<Result>,
): Promise<Result> {
  const store = openStore(repository);
  return use(store).finally(() => store.close());
}

function foreign({
  layout: { dir },
  repository: { place },
}: {
  layout: Layout;
  repository: Home['repository'];
}): FairleadError {
  return new FairleadError('server/repository-foreign', { dir, repository: place });
}
