// Reports of compliance over a large fleet with many advisories: as a person waits for them, and what the server does meanwhile.
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { type DatabaseAddress, fileAddress } from '../../server/core/database-address.ts';
import { copyFleet } from '../../server/db/copy.ts';
import { openAtLength, openDatabase } from '../../server/db/database.ts';
import type { Database } from '../../server/db/tables.ts';
import { fromUtf8 } from '../../shared/encoding/bytes.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { advisoryOf, digestOfText } from '../support/publications.ts';
import type { ReleaseServer } from '../support/release-server.ts';
import { createBench } from '../support/vendor.ts';
import { type Figures, formatMb, formatMs, timed } from './figures.ts';
import { openServer } from './lists.ts';

const INSTALLS = 10_000;
const ADVISORIES = 100;
const COMPONENTS = 50;
/** Of each install: every tenth, so each advisory is about a thousand installs. */
const OF_ONE = 5;
const CASES = INSTALLS * OF_ONE * (ADVISORIES / COMPONENTS);

const CUSTOMER = '00000000-0000-4000-8000-00000000c001';

const QUESTIONS = [
  ['all of a quarter, Markdown', ['cra', '2026-Q3', '--format', 'markdown']],
  ['all of a quarter, CSV', ['cra', '2026-Q3', '--format', 'csv']],
  ['all of a quarter, JSON', ['cra', '2026-Q3', '--format', 'json']],
  ['one advisory, JSON', ['cra', 'FL-2026-1007', '--format', 'json']],
  ['one customer of a hundred installs, Markdown', ['compliance', CUSTOMER, '2026-Q3']],
] as const;

export async function measureCompliance(work: string): Promise<Figures> {
  const dir = join(work, 'compliance');
  mkdirSync(dir, { recursive: true });
  const embedded = fileAddress(join(dir, 'fairlead.db'));
  const source = await openDatabase(embedded);
  await fill(source);
  const rows = await ask(embedded, join(dir, 'sqlite'), 'SQLite');
  const programs = findPostgres();
  const postgres = programs === null ? null : await startPostgres(programs);
  if (postgres !== null) {
    const address = await postgres.createEmpty();
    const target = await openAtLength(address);
    await copyFleet(source, target, address.place);
    await target.destroy();
    rows.push(...(await ask(address, join(dir, 'postgres'), 'PostgreSQL')));
    await postgres.stop();
  }
  await source.destroy();
  rmSync(dir, { recursive: true });
  return {
    title: 'Reports of compliance',
    note: `${INSTALLS.toLocaleString('en')} installs with ${OF_ONE} of ${COMPONENTS} components each and ${ADVISORIES} advisories, ${CASES.toLocaleString('en')} cases of one advisory on one install in the quarter: each told, put off and fixed. By the vendor’s program, which asks page by page over loopback, in the server’s own process, so that the time is that of both. Goal: 5 s.`,
    head: ['database', 'report', 'time', 'size', 'processor time'],
    rows,
  };
}

async function ask(address: DatabaseAddress, dir: string, name: string): Promise<string[][]> {
  mkdirSync(dir, { recursive: true });
  const { context, app } = await openServer(address, dir);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const [token, file] = [join(dir, 'token'), join(dir, 'report')];
  writeFileSync(token, 'flt_bench\n');
  const vendor = createBench(dir, { url } as ReleaseServer);
  const rows: string[][] = [];
  for (const [what, argv] of QUESTIONS) {
    const place = ['--server', url, '--token-file', token, '--output', file];
    const before = process.cpuUsage();
    const ms = await timed(async () => {
      const { status, err } = await vendor.run('report', ...argv, ...place);
      if (status !== 0) throw new Error(err);
    });
    const { user, system } = process.cpuUsage(before);
    const cpu = (user + system) / 1_000;
    rows.push([name, what, formatMs(ms), formatMb(statSync(file).size), formatMs(cpu)]);
  }
  await app.close();
  await context.db.destroy();
  return rows;
}

const numbers = (count: number) =>
  sql`with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ${sql.lit(count)})`;
const install = (i: string) => sql`printf('00000000-0000-4000-8000-%012d', ${sql.raw(i)})`;
/** Such an hour of the quarter. */
const hour = (of: string) =>
  sql`strftime('%Y-%m-%dT%H:%M:%S.000Z', '2026-07-01T00:00:00Z', '+' || (${sql.raw(of)}) || ' hours')`;

/** By the database itself. Each advisory is of an hour of the first 1,000, each fix of one within 400 hours from then. */
async function fill(db: Database): Promise<void> {
  for (let i = 0; i < ADVISORIES; i++) {
    const id = `FL-2026-${1_000 + i}`;
    const affected = [{ component: `core/c${i % COMPONENTS}`, versions: '<1.0.1' }];
    const body = fromUtf8(advisoryOf(id, { affected, fixed: [] }).bytes);
    await sql`insert into advisory_revisions (advisory, revision, digest, at, metadata, entry, body)
      values (${id}, 1, ${digestOfText(id)}, ${hour(String(i * 10))}, 1, null, ${body})`.execute(db);
  }
  await sql`insert into customers (id, name, revision, created_at, updated_at)
    values (${CUSTOMER}, 'One', 1, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')`.execute(db);
  await sql`insert into instances
    (id, name, hostname, public_key, agent_version, enrolled_at, last_sequence, last_seen, customer)
    ${numbers(INSTALLS)} select ${install('i')}, 'install ' || i, 'host', 'key', '0.1.0', '2026-01-01T00:00:00.000Z', 9,
      '2026-11-28T00:00:00.000Z', case when i % 100 = 0 then ${CUSTOMER} end from n`.execute(db);
  const component = `(i / ${INSTALLS}) * 10 + i % 10`;
  const fixed = `1000 + (i * 7919) % 400`;
  const report = sql.raw(`'sha-256=:${'q'.repeat(43)}=:'`);
  const proof = sql`json_object('record', 7, 'plan', ${digestOfText('plan')}, 'digest', ${digestOfText('record')},
    'at', ${hour(fixed)}, 'told', ${hour(fixed)})`;
  const columns = sql.raw(
    'instance, kind, subject, value, since, since_sequence, since_report, until, until_sequence, until_report, detail, proof',
  );
  const add = (values: ReturnType<typeof sql>, count: number) =>
    sql`insert into spans (${columns}) ${numbers(count)} select ${install(`i % ${INSTALLS}`)}, ${values} from n`.execute(
      db,
    );
  const said = sql`2, ${report}`;
  const all = INSTALLS * OF_ONE;
  const key = sql.raw(`'core/c' || (${component})`);
  await add(
    sql`'runs', ${key}, '1.0.0', '2026-01-01T00:00:00.000Z', ${said}, ${hour(fixed)}, 3, ${report}, null, null`,
    all,
  );
  await add(sql`'runs', ${key}, '1.0.1', ${hour(fixed)}, ${said}, null, null, null, null, ${proof}`, all);
  for (const second of [0, COMPONENTS]) {
    const id = sql.raw(`'FL-2026-' || (${1_000 + second} + ${component})`);
    const at = hour(`(${second} + ${component}) * 10 + 1`);
    await add(
      sql`'named', ${id}, ${key} || '@1.0.0', ${at}, ${said}, ${hour(fixed)}, 3, ${report}, null, null`,
      all,
    );
  }
  const detail = `'{"owner":"time","message":"the window opens at 02:00","clearsAt":null}'`;
  await add(
    sql`'reason', 'window-closed', 'windows', ${hour('1')}, ${said}, ${hour('1300')}, 3, ${report}, ${sql.raw(detail)}, null`,
    INSTALLS,
  );
}
