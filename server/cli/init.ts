// `fairlead-server init`: a release server's directory with its keys, its database and the first tokens.
import { join, resolve } from 'node:path';
import { EXIT, shellWord } from '../../shared/errors/entry.ts';
import { makeDirectory } from '../../shared/node/durable-file.ts';
import { isPresent } from '../../shared/node/read-file.ts';
import { openDatabase } from '../db/database.ts';
import type { Database } from '../db/tables.ts';
import { admitToken, hasToken, makeToken } from '../db/tokens.ts';
import { type Layout, layoutOf, readOrWriteLine } from '../repository/layout.ts';
import { createOnlineKeys, openOnlineKeys } from '../repository/online-keys.ts';
import { passphraseSource, readOrMakePassphrase } from '../repository/passphrase.ts';
import { type CliContext, type OnDirectory, print } from './options.ts';
import { issued } from './token.ts';

interface InitSettings extends OnDirectory {
  readonly passphraseFile?: string;
  readonly publicUrl: string;
}

/** Every step leaves alone what an earlier run has made, so a run that was killed is simply repeated. */
export async function init(
  { environment }: CliContext,
  { dir, passphraseFile, publicUrl }: InitSettings,
): Promise<number> {
  const layout = layoutOf(resolve(dir));
  const existed = await isPresent(layout.database);
  await makeDirectory(layout.dir);
  const { passphrase, made } = await readOrMakePassphrase(
    layout,
    passphraseSource(passphraseFile, environment),
  );
  await createOnlineKeys(layout, passphrase);
  await openOnlineKeys(layout, passphrase);
  const db = await openDatabase(layout.database);
  const tokens = await makeFirstTokens(db, layout).finally(() => db.destroy());
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
  print(`next: fairlead-server run --dir ${shellWord(layout.dir)}`);
  print(
    `then: fairlead-vendor init --server ${shellWord(publicUrl)} --token-file ${shellWord(join(layout.dir, 'publisher.token'))}`,
  );
  return EXIT.ok;
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
