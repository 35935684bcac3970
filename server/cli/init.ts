// `fairlead-server init`: a release server's directory with its keys, its database and the first tokens.
import { join } from 'node:path';
import { EXIT, shellWord } from '../../shared/errors/entry.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { makeDirectory } from '../../shared/node/durable-file.ts';
import { isPresent, readTextIfPresent } from '../../shared/node/read-file.ts';
import { readFirstDigest } from '../db/audit-chain.ts';
import { openDatabase } from '../db/database.ts';
import type { Database } from '../db/tables.ts';
import { findToken, hasToken, makeToken } from '../db/token-lists.ts';
import { admitToken } from '../db/tokens.ts';
import { type Layout, readDatabaseMark, readOrWriteLine, writeDatabaseMark } from '../repository/layout.ts';
import { createOnlineKeys, openOnlineKeys } from '../repository/online-keys.ts';
import { passphraseSource, readOrMakePassphrase } from '../repository/passphrase.ts';
import { asGiven, findHome, type Home, type OnDirectory, verifyFleet, verifyPlace } from './home.ts';
import { type CliContext, print } from './options.ts';
import { claimRepository, verifyRepositoryPlace } from './place.ts';
import { issued } from './token.ts';

interface InitSettings extends OnDirectory {
  readonly passphraseFile?: string;
  readonly publicUrl: string;
}

/** Every step leaves alone what an earlier run has made, so a run that was killed is simply repeated. */
export async function init(
  context: CliContext,
  { passphraseFile, publicUrl, ...settings }: InitSettings,
): Promise<number> {
  const home = await findHome(settings, context);
  const { layout, address } = home;
  await verifyPlace(home, true);
  await verifyRepositoryPlace(home, 'make');
  const existed = (await isPresent(layout.database)) || (await isPresent(layout.databaseMark));
  await makeDirectory(layout.dir);
  const { passphrase, made } = await readOrMakePassphrase(
    layout,
    passphraseSource(passphraseFile, context.environment),
  );
  await createOnlineKeys(layout, passphrase);
  await openOnlineKeys(layout, passphrase);
  const db = await openDatabase(address);
  const tokens = await makeFleet(db, home)
    .then(async (made) => {
      await claimRepository(db, home);
      return made;
    })
    .finally(() => db.destroy());
  print(
    existed
      ? `${layout.dir} holds a release server already: what it has was left as it is`
      : `the release server in ${layout.dir} is ready`,
  );
  for (const path of tokens) print(`  token       ${path}`);
  if (made) {
    print(`  passphrase  ${layout.passphrase}`);
    print(
      '  The passphrase of the signing keys was made here and lies beside them: who reads this directory can',
    );
    print(
      '  sign as this server. To keep it elsewhere, give --passphrase-file or FAIRLEAD_SERVER_PASSPHRASE at init.',
    );
  }
  print(`next: fairlead-server run --dir ${shellWord(layout.dir)}${asGiven(settings)}`);
  print(
    `then: fairlead-vendor init --server ${shellWord(publicUrl)} --token-file ${shellWord(join(layout.dir, 'publisher.token'))}`,
  );
  return EXIT.ok;
}

/** What the database holds from its first day. The mark comes last: without it the next `init` goes on here. */
async function makeFleet(db: Database, home: Home): Promise<readonly string[]> {
  const { layout, address } = home;
  await verifyFleet(db, home);
  if (address.kind === 'file') return makeFirstTokens(db, layout);
  const mark = await readDatabaseMark(layout);
  if (mark === null) await verifyOurs(db, layout, address.place);
  const tokens = await makeFirstTokens(db, layout);
  const first = await readFirstDigest(db);
  if (mark === null && first !== null) await writeDatabaseMark(layout, { place: address.place, first });
  return tokens;
}

/** Empty, or begun by an `init` of this directory that was killed. Error: server/database-foreign. */
async function verifyOurs(db: Database, layout: Layout, database: string): Promise<void> {
  if ((await readFirstDigest(db)) === null) return;
  const token = await readTextIfPresent(join(layout.dir, 'admin.token'));
  const isOurs = token !== null && (await findToken(db, token.trim(), Date.now()).catch(() => null)) !== null;
  if (!isOurs) throw new FairleadError('server/database-foreign', { dir: layout.dir, database });
}

/** The files that hold the first tokens. A token whose file was taken away stays valid and is not made again. */
async function makeFirstTokens(db: Database, layout: Layout): Promise<readonly string[]> {
  const files: string[] = [];
  for (const role of ['admin', 'publisher'] as const) {
    const path = join(layout.dir, `${role}.token`);
    if (!(await isPresent(path)) && (await hasToken(db, role))) continue;
    const text = await readOrWriteLine(path, makeToken);
    await admitToken(db, { text, name: role, role, ...issued() }, Date.now());
    files.push(path);
  }
  return files;
}
