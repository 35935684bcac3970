// The part of the runbook about PostgreSQL, typed line by line: an archive, a try beside it, and a restore to a time.
import { execFile } from 'node:child_process';
import { appendFileSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { committed, unpackEarlier, until } from '../support/earlier-install.ts';
import { findPostgres, type Postgres, postgresAccount, startPostgres } from '../support/postgres.ts';
import { accepts, type Line, linesOf, typing } from '../support/typed-runbook.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const PAGE = readFileSync(join(ROOT, 'docs/runbooks/server-backup-and-restore.md'), 'utf8');
const LIMIT_MS = 300_000;
const AS_POSTGRES = 'sudo -u postgres ';
const TIME = '2026-11-29 14:00:00+00';
const programs = findPostgres();

describe.skipIf(programs === null)('a server whose fleet is in PostgreSQL', () => {
  let postgres: Postgres;

  beforeAll(async () => {
    postgres = await startPostgres(programs ?? '');
  }, LIMIT_MS);
  afterAll(() => postgres.stop(), LIMIT_MS);

  /** The lines of the page, on this machine's PostgreSQL. */
  async function typingOn(world: Awaited<ReturnType<typeof unpackEarlier>>) {
    const own = dirname(postgres.socket);
    const account = await postgresAccount();
    const { type, serve, place } = typing(world, [
      ['/mnt/archive', join(own, 'archive')],
      ['/var/tmp/tried', join(own, 'tried')],
      ['/var/lib/postgresql/15/main', postgres.data],
      ['/usr/lib/postgresql/15/bin', programs ?? ''],
    ]);
    const psql = { PGHOST: own, PGUSER: 'fairlead', PGDATABASE: 'postgres' };
    const env = { PATH: `${programs}:${process.env.PATH}`, ...psql };
    const asPostgres = async (line: string) => {
      await promisify(execFile)('sh', ['-c', place(line)], { ...account, cwd: own, env });
    };
    const units: Record<string, () => Promise<void>> = {
      'systemctl restart postgresql': postgres.restart,
      'systemctl stop postgresql': postgres.halt,
      'systemctl start postgresql': postgres.resume,
    };
    return {
      ...{ place, serve },
      type: async ({ line, answer }: Line) => {
        if (line.startsWith(AS_POSTGRES)) await asPostgres(line.slice(AS_POSTGRES.length));
        else await (units[line]?.() ?? type({ line, answer }));
      },
    };
  }

  it('comes back at a time, agents take it, and a token that was revoked afterwards stays so', {
    timeout: LIMIT_MS,
  }, async () => {
    const world = await unpackEarlier();
    const { directory, run, json } = world;
    const { type, serve, place } = await typingOn(world);
    for (const name of ['etc', 'backups']) mkdirSync(join(directory, name));
    const archive = place('/mnt/archive');
    mkdirSync(archive);
    const account = await postgresAccount();
    if (account !== undefined) chownSync(archive, account.uid, account.gid);
    await type(linesOf(PAGE, 'Back up')[0] as Line);
    const [, settings = ''] = /```ini\n(.+?)```/s.exec(PAGE) ?? [];
    appendFileSync(join(postgres.data, 'postgresql.conf'), place(settings));
    // As Debian has it.
    appendFileSync(join(postgres.data, 'pg_hba.conf'), 'local replication all trust\n');
    await postgres.query('create database fairlead');
    const url = `postgres://fairlead@localhost/fairlead?host=${dirname(postgres.socket)}`;
    writeFileSync(join(directory, 'etc/database'), url);
    await run('fairlead-server', 'migrate', '--dir', 'server', '--to-file', 'etc/database');
    for (const line of linesOf(PAGE, 'With PostgreSQL')) await type(line);

    const lines = linesOf(PAGE, 'Restore PostgreSQL and the server');
    const [restore, serveLine] = lines.slice(-2) as [Line, Line];
    const end = await serve(serveLine);
    world.start('fairlead', 'agent', 'run', '--poll-interval', 'PT1S', '--soak', 'PT1S');
    await committed(json, 7);
    const metrics = async () => (await fetch(`http://127.0.0.1:${world.port}/metrics`)).text();
    const age = async () =>
      Number(/^fairlead_backup_archive_age_seconds (.+)$/m.exec(await metrics())?.[1] ?? Number.NaN);
    await archived(postgres);
    expect(await age()).toBeLessThan(60);
    for (const line of linesOf(PAGE, 'Try PostgreSQL')) await type(line);

    // All of this afterwards, and acknowledged.
    const time = await now(postgres);
    await run('fairlead-vendor', 'renew');
    await until(async () => ((await accepts(world)) ? true : null));
    await run(
      'fairlead-server',
      'token',
      'revoke',
      'admin',
      '--dir',
      'server',
      '--database-file',
      'etc/database',
    );
    const made = await run('fairlead-server', 'backup', ...wordsOf(serveLine, place));
    expect(made).toMatch(/PostgreSQL archived last \d+ s ago\n/);
    await archived(postgres);
    await end('SIGKILL');

    for (const line of lines.slice(0, -2)) await type({ ...line, line: line.line.replace(TIME, time) });
    const refused = await run('fairlead-server', 'run', ...wordsOf(serveLine, place)).catch(String);
    expect(refused).toContain('the database was set back');
    await type(restore);
    await serve(serveLine);
    await until(async () => ((await accepts(world)) ? true : null));
    const tokens = await run(
      'fairlead-server',
      'token',
      'list',
      '--dir',
      'server',
      '--database-file',
      'etc/database',
    );
    expect(tokens).toMatch(/^publisher /m);
    expect(tokens).not.toMatch(/^admin /m);
  });
});

const wordsOf = ({ line }: Line, place: (text: string) => string) => place(line).split(' ').slice(2);

async function now(postgres: Postgres): Promise<string> {
  return await asked(postgres, 'clock_timestamp()');
}

/** All that was written until now; `archive_timeout` would see to it within a minute. */
async function archived(postgres: Postgres): Promise<void> {
  const before = await now(postgres);
  await postgres.query('select pg_switch_wal()');
  await until(async () => ((await lastArchived(postgres)) > before ? true : null));
}

async function lastArchived(postgres: Postgres): Promise<string> {
  return await asked(postgres, '(select last_archived_time from pg_stat_archiver)');
}

/** As it is written for `recovery_target_time`, and sorts. */
async function asked(postgres: Postgres, time: string): Promise<string> {
  const format = `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') as at`;
  const { rows } = (await postgres.query(`select ${format}`)) as { readonly rows: readonly { at: string }[] };
  return rows[0]?.at ?? '';
}
