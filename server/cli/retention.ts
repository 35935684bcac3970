// `fairlead-server retention`: until when releases stay to be had, whether they can be, and the removal of those that nobody asks for any more.
import { count, EXIT } from '../../shared/errors/entry.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { formatTable } from '../../shared/present/table.ts';
import { componentNameOf, refOf } from '../../shared/schema/release-ref.ts';
import { appendAudit } from '../db/audit.ts';
import { findHolders } from '../db/holders.ts';
import { inPublishingTurn } from '../db/publishing.ts';
import type { Database } from '../db/tables.ts';
import { transact } from '../db/transact.ts';
import { type Holdings, type LeftRelease, readHoldings } from '../repository/leftovers.ts';
import { PUBLIC } from '../repository/names.ts';
import { removeFiles } from '../repository/prune.ts';
import { dayOf } from '../repository/retention.ts';
import { loadState } from '../repository/state.ts';
import type { RepositoryStore } from '../repository/store.ts';
import { type OnDirectory, openHome } from './home.ts';
import { type CliContext, print } from './options.ts';
import { verifyRepositoryPlace, withStore } from './place.ts';
import { actor } from './token.ts';

/** Errors: server/release-missing, server/repository-*, disk/*. */
export async function listRetention(context: CliContext, home: OnDirectory): Promise<number> {
  return within(home, context, async (db, store) => {
    const { held, left } = await survey(store);
    for (const line of formatTable([
      ['Release', 'Kept until', 'Missing'],
      ...held.map((one) => [one.release, dayOf(one.until) ?? 'for good', one.missing.map(shown).join(' ')]),
    ]))
      print(line);
    if (left.length > 0) print('\nlisted no longer:');
    for (const one of left) print(`  ${one.name}  ${describeHolders(await holdersOf(db, one))}`);
    const missing = held.flatMap((one) => one.missing);
    const [first] = missing;
    if (first === undefined) return EXIT.ok;
    throw new FairleadError('server/release-missing', { count: missing.length, first: shown(first) });
  });
}

interface RemoveSettings extends OnDirectory {
  readonly yes?: boolean;
}

/** Nothing goes without `yes`. Errors: server/release-kept, server/release-held, server/repository-*, disk/*. */
export async function removeReleases(
  context: CliContext,
  wanted: readonly string[],
  { yes = false, ...home }: RemoveSettings,
): Promise<number> {
  return within(home, context, (db, store) =>
    inPublishingTurn(db, async (turn) => {
      const names = await findRemovable(db, wanted, await survey(store));
      for (const name of names) print(`${yes ? 'removing' : 'would go'}  ${shown(name)}`);
      if (!yes) {
        print(`nothing was removed: add --yes to remove ${count(names.length, 'file')} for good`);
        return EXIT.ok;
      }
      // Before they go: what a kill leaves, the same command removes and writes down again.
      const details = { files: names.map(shown) };
      const event = { actor: actor(), action: 'release.removed', subject: wanted.join(' '), details };
      await transact(db, 'committed', (trx) => appendAudit(trx, event, Date.now()));
      await removeFiles(names, { store, turn });
      print(`${count(names.length, 'file')} removed`);
      return EXIT.ok;
    }),
  );
}

/** A pack that another release has too stays with that. */
async function findRemovable(
  db: Database,
  wanted: readonly string[],
  { held, left }: Holdings,
): Promise<readonly string[]> {
  const chosen = await Promise.all(
    [...new Set(wanted)].map(async (name) => {
      const one = left.find((each) => each.name === name);
      if (one === undefined) {
        const until = held.find(({ release }) => release === name)?.until;
        const day = until === undefined ? null : dayOf(until);
        throw new FairleadError('server/release-kept', { name, isListed: until !== undefined, until: day });
      }
      const holders = await holdersOf(db, one);
      const [first] = holders;
      if (first === undefined) return one;
      throw new FairleadError('server/release-held', { release: name, installs: holders.length, first });
    }),
  );
  const others = new Set(left.filter((one) => !chosen.includes(one)).flatMap(({ names }) => names));
  return [...new Set(chosen.flatMap(({ names }) => names))].filter((name) => !others.has(name));
}

async function holdersOf(db: Database, { document }: LeftRelease): Promise<readonly string[]> {
  if (document?.schema !== 'fairlead/capability@1') return [];
  return findHolders(db, { component: componentNameOf(refOf(document)), version: document.version });
}

function describeHolders(holders: readonly string[]): string {
  if (holders.length === 0) return 'may go';
  const some = holders.slice(0, 3).join(', ');
  return `${count(holders.length, 'install')} may still need it: ${some}${holders.length > 3 ? ', …' : ''}`;
}

const NOTHING: Holdings = { held: [], left: [] };

async function survey(store: RepositoryStore): Promise<Holdings> {
  const state = await loadState(store);
  return state === null ? NOTHING : readHoldings(store, state, Date.now());
}

const shown = (name: string): string => name.slice(PUBLIC.length);

async function within(
  settings: OnDirectory,
  context: CliContext,
  use: (db: Database, store: RepositoryStore) => Promise<number>,
): Promise<number> {
  const { db, ...home } = await openHome(settings, context);
  try {
    await verifyRepositoryPlace(home, 'use');
    return await withStore(home, (store) => use(db, store));
  } finally {
    await db.destroy();
  }
}
