// No suite of the server is forgotten on PostgreSQL: each runs there as well, or a reason stands here.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';

const SERVER = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(SERVER, path), 'utf8');

const APART: Readonly<Record<string, string>> = {
  'backup/drill.test.ts': 'restores copies of the file; PostgreSQL has backups of its own',
  'backup/keeper.test.ts': 'restores copies of the file; PostgreSQL has backups of its own',
  'backup/cut-off.test.ts': 'copies of the file, and renames',
  'backup/leftovers.test.ts': 'files at the place of the backups; of what a kill leaves there is no row',
  'backup/lists.test.ts': 'copies of the file; PostgreSQL has backups of its own',
  'backup/restore.test.ts': 'copies of the file; PostgreSQL has backups of its own',
  'cli/retention.test.ts':
    'a command on a directory with the file; installs that hold a release are asked for in db/holders.test.ts',
  'db/database.test.ts': 'the file itself: its mode, its bytes, and what older servers left in it',
  'db/plans.test.ts': 'what the planner of the file says',
  'db/sqlite-file.test.ts': 'the file itself',
  'db/threaded-sqlite.test.ts': 'the threads of the file',
  'http/closing.test.ts': 'a socket; no row is asked for',
  'http/hostile-provider.test.ts': 'what a provider answers; its rows are those of other sign-ins',
  'http/hot.test.ts': 'files from memory, before any row is asked for',
  'repository/mirror.test.ts': 'files of a repository; of a mirror there is no row',
  'ledger.test.ts': 'commands on a directory with the file; the rows are those of db/ledger-heads.test.ts',
  'program.test.ts': 'the program on the file; on PostgreSQL it has a suite of its own',
  'web/docs-page.test.ts': 'a browser; no row is read that other suites do not read',
  'tls.test.ts': 'sockets and certificates; no row is read that other suites do not read',
};
/** What asks a database for something, whatever else it does. */
const ASKS = /startTestServer|startExampleFleet|openDatabase|openAt|createContext|call\('init'/;

it('every suite that asks a database runs on PostgreSQL too, or says why not', () => {
  const all = readdirSync(SERVER, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.test.ts') && !/^(?:vendor|on-postgres)\//.test(path),
  );
  const there = readdirSync(join(SERVER, 'on-postgres')).flatMap((file) =>
    [...read(join('on-postgres', file)).matchAll(/import\('\.\.\/([^']+)'\)/g)].map(
      (match) => match[1] ?? '',
    ),
  );
  const ownServer = all.filter((path) => read(path).includes('startPostgres('));
  const missing = all
    .filter((path) => ASKS.test(read(path)))
    .filter((path) => !there.includes(path) && !ownServer.includes(path) && APART[path] === undefined);

  expect(missing).toEqual([]);
  expect(Object.keys(APART).filter((path) => !all.includes(path))).toEqual([]);
  expect(there.map((path) => dirname(path)).length).toBeGreaterThan(12);
});
