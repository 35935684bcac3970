// `fairlead-server retention`: until when releases stay to be had, whether they can be, and the removal of those that nobody asks for any more, and of patches.
import { count, EXIT } from '../../shared/errors/entry.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { tryLock } from '../../shared/node/lock.ts';
import { formatTable } from '../../shared/present/table.ts';
import { parsePatchPath } from '../../shared/protocol/publication.ts';
import { componentNameOf, refOf } from '../../shared/schema/release-ref.ts';
import { keptDay } from '../../shared/trust/target-notes.ts';
import { appendAudit, listSubjects } from '../db/audit.ts';
import { recordPublication } from '../db/changes.ts';
import { findHolders, listUnheard } from '../db/holders.ts';
import { inPublishingTurn, type Turn } from '../db/publishing.ts';
import type { Database } from '../db/tables.ts';
import { transact } from '../db/transact.ts';
import { finishLeft } from '../repository/commit.ts';
import { type Holdings, type LeftRelease, readHoldings } from '../repository/leftovers.ts';
import { PUBLIC } from '../repository/names.ts';
import { unlistPatch } from '../repository/patch-upload.ts';
import { removeFiles } from '../repository/prune.ts';
import { loadState } from '../repository/state.ts';
import type { RepositoryStore } from '../repository/store.ts';
import { type Home, type OnDirectory, openHome } from './home.ts';
import { type CliContext, print } from './options.ts';
import { verifyRepositoryPlace, withStore } from './place.ts';
import { actor } from './token.ts';

/** Errors: server/release-missing, server/repository-*, disk/*. */
export async function listRetention(context: CliContext, home: OnDirectory): Promise<number> {
  return within(home, context, async (db, store) => {
    const { held, left, patches } = await survey(store);
    for (const line of formatTable([
      ['Release', 'Kept until', 'Missing'],
      ...held.map((one) => [one.release, keptDay(one.until) ?? 'for good', one.missing.map(shown).join(' ')]),
    ]))
      print(line);
    if (left.length > 0) print('\nlisted no longer:');
    const silent = left.some(isDeployed) ? (await listUnheard(db)).length : 0;
    for (const one of left) print(`  ${one.name}  ${describeLeft(one, await holdersOf(db, one), silent)}`);
    if (patches.length > 0) print('\npatches, which nobody needs:');
    for (const { name, from, to } of patches) print(`  ${name}  ${from ?? 'unknown'} to ${to ?? 'unknown'}`);
    const missing = held.flatMap((one) => one.missing);
    const [first] = missing;
    if (first === undefined) return EXIT.ok;
    throw new FairleadError('server/release-missing', { count: missing.length, first: shown(first) });
  });
}

interface RemoveSettings extends OnDirectory {
  readonly yes?: boolean;
  readonly unheard?: boolean;
}

/**
 * Nothing goes without `yes`. Errors: server/in-use, server/release-kept, server/release-held, server/release-unheard,
 * server/repository-*, disk/*.
 */
export async function removeReleases(
  context: CliContext,
  wanted: readonly string[],
  { yes = false, unheard = false, ...home }: RemoveSettings,
): Promise<number> {
  return within(home, context, async (db, store, place) => {
    if (yes) return whileNobodyPublishes(place, db, (turn) => remove(wanted, unheard, { db, store, turn }));
    const names = await findRemovable(db, wanted, { ...(await survey(store)), unheard });
    for (const name of names) print(`would go  ${shown(name)}`);
    print(`nothing was removed: add --yes to remove ${count(names.length, 'file')} for good`);
    return EXIT.ok;
  });
}

interface Removing {
  readonly db: Database;
  readonly store: RepositoryStore;
  readonly turn: Turn;
}

async function remove(
  wanted: readonly string[],
  unheard: boolean,
  { db, store, turn }: Removing,
): Promise<number> {
  // What a killed server had decided to publish is not led to yet, and will be.
  await finishLeft({
    store,
    turn,
    record: (commit, { id }) => recordPublication(db, commit, id, Date.now()),
  });
  const names = await findRemovable(db, wanted, { ...(await survey(store)), unheard });
  for (const name of names) print(`removing  ${shown(name)}`);
  if (names.length > 0) {
    // Before they go: what a kill leaves, the same command removes and writes down again.
    const details = { files: names.map(shown) };
    const event = { actor: actor(), action: REMOVED, subject: wanted.join(' '), details };
    await transact(db, 'committed', (trx) => appendAudit(trx, event, Date.now()));
    // Off the list before they go: nobody is led to what is not there.
    for (const ends of wanted.flatMap((name) => parsePatchPath(name) ?? [])) await unlistPatch(store, ends);
    await removeFiles(names, { store, turn });
  }
  print(`${count(names.length, 'file')} removed`);
  return EXIT.ok;
}

/**
 * On PostgreSQL the turn keeps every server of the fleet from publishing meanwhile; of the embedded file only the lock of its directory
 * does, so its server is stopped for it: a publication in between could list what goes. Error: server/in-use.
 */
async function whileNobodyPublishes<Result>(
  { layout, address }: Home,
  db: Database,
  work: (turn: Turn) => Promise<Result>,
): Promise<Result> {
  if (address.kind === 'postgres') return inPublishingTurn(db, work);
  const lock = await tryLock(layout.lock);
  if (lock === null) throw new FairleadError('server/in-use', { dir: layout.dir });
  return inPublishingTurn(db, work).finally(() => lock.release());
}

const REMOVED = 'release.removed';

/**
 * A pack that another release has too stays with that; a patch may go at any time. What a removal that was killed had removed
 * is passed over.
 */
async function findRemovable(
  db: Database,
  wanted: readonly string[],
  { held, left, patches, unheard }: Holdings & { readonly unheard: boolean },
): Promise<readonly string[]> {
  const removed = new Set((await listSubjects(db, REMOVED)).flatMap((subject) => subject.split(' ')));
  const chosen: LeftRelease[] = [];
  const unlisted: string[] = [];
  for (const name of new Set(wanted)) {
    if (patches.some((patch) => patch.name === name)) {
      unlisted.push(PUBLIC + name);
      continue;
    }
    const one = left.find((each) => each.name === name);
    const until = held.find(({ release }) => release === name)?.until;
    if (one !== undefined) chosen.push(one);
    else if (until !== undefined || !removed.has(name)) {
      const day = until === undefined ? null : keptDay(until);
      throw new FairleadError('server/release-kept', { name, isListed: until !== undefined, until: day });
    }
  }
  for (const one of chosen) await verifyUnneeded(db, one, unheard);
  const others = new Set(left.filter((one) => !chosen.includes(one)).flatMap(({ names }) => names));
  const files = chosen.flatMap(({ names }) => names).filter((name) => !others.has(name));
  return [...new Set([...unlisted, ...files])];
}

async function verifyUnneeded(db: Database, one: LeftRelease, unheard: boolean): Promise<void> {
  const holders = await holdersOf(db, one);
  const [first] = holders;
  if (first !== undefined)
    throw new FairleadError('server/release-held', { release: one.name, installs: holders.length, first });
  const [silent, ...more] = unheard || !isDeployed(one) ? [] : await listUnheard(db);
  if (silent === undefined) return;
  const installs = more.length + 1;
  throw new FairleadError('server/release-unheard', { release: one.name, installs, first: silent });
}

/** Nothing else is what an install says that it runs. */
function isDeployed({ document }: LeftRelease): boolean {
  return document?.schema === 'fairlead/capability@1';
}

async function holdersOf(db: Database, { document }: LeftRelease): Promise<readonly string[]> {
  if (document?.schema !== 'fairlead/capability@1') return [];
  return findHolders(db, { component: componentNameOf(refOf(document)), version: document.version });
}

function describeLeft(one: LeftRelease, holders: readonly string[], silent: number): string {
  if (one.document === null) return 'may go, unless it was sent for a release that is still to come';
  if (holders.length > 0) {
    const some = holders.slice(0, 3).join(', ');
    return `${count(holders.length, 'install')} may still need it: ${some}${holders.length > 3 ? ', …' : ''}`;
  }
  return silent === 0 || !isDeployed(one)
    ? 'may go'
    : `no install said that it needs it; ${count(silent, 'install')} never said what they run`;
}

const NOTHING: Holdings = { held: [], left: [], patches: [] };

async function survey(store: RepositoryStore): Promise<Holdings> {
  const state = await loadState(store);
  return state === null ? NOTHING : readHoldings(store, state, Date.now());
}

const shown = (name: string): string => name.slice(PUBLIC.length);

async function within(
  settings: OnDirectory,
  context: CliContext,
  use: (db: Database, store: RepositoryStore, home: Home) => Promise<number>,
): Promise<number> {
  const { db, ...home } = await openHome(settings, context);
  try {
    await verifyRepositoryPlace(home, 'use');
    return await withStore(home, (store) => use(db, store, home));
  } finally {
    await db.destroy();
  }
}
