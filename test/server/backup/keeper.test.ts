// A running server and the place of its backups: nothing is acknowledged that is not there, and a place that fails stops nothing else.
import { rename } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Backups, createBackups, type Maker } from '../../../server/backup/keeper.ts';
import { parseBackupKeys } from '../../../server/backup/keys.ts';
import type { BackupPlace } from '../../../server/backup/place.ts';
import { keepCommits } from '../../../server/backup/published.ts';
import { listSets } from '../../../server/backup/take.ts';
import { nameLog } from '../../../server/core/backup-names.ts';
import { readAuditHead } from '../../../server/db/audit-chain.ts';
import { readBackupMark } from '../../../server/db/backup-marks.ts';
import type { Commit } from '../../../server/repository/commit.ts';
import { loadState } from '../../../server/repository/state.ts';
import { BACKUP_KEY, keepBackups, type TestBackups } from '../../support/backups.ts';
import { refusedCode } from '../../support/error-code.ts';
import { firstPublication } from '../../support/publications.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const MINUTE_MS = 60_000;
const LOOK_MS = 2_000;

let server: TestServer;
let made: TestBackups;
let backups: Backups;
let place: string;
let warnings: unknown[];

beforeEach(async () => {
  server = await startTestServer();
  await server.bearer('viewer');
  made = keepBackups(server);
  place = made.config.address.kind === 'directory' ? made.config.address.path : '';
  warnings = [];
  backups = createBackups({
    ...{ layout: server.layout, db: server.context.db, now: () => server.now, config: made.config },
    maker: { backUp: made.backUp, stop: async () => undefined },
    warn: (error) => void warnings.push(error),
  });
  Object.assign(server.context, { backups });
});
afterEach(async () => {
  await backups.stop();
  await made.close();
  await server.close();
});

const loseDisk = () => rename(place, `${place}.gone`);
const mountDisk = () => rename(`${place}.gone`, place);

async function revoke(): Promise<number> {
  const { authorization } = await server.bearer('admin');
  const headers = { authorization };
  const { tokens } = (await server.app.inject({ url: '/api/v1/tokens', headers })).json();
  const { id } = tokens.find(({ name }: { readonly name: string }) => name === 'viewer');
  return (await server.app.inject({ method: 'DELETE', url: `/api/v1/tokens/${id}`, headers })).statusCode;
}

async function isViewerIn(db: TestServer['context']['db']): Promise<boolean> {
  const row = await db
    .selectFrom('tokens')
    .select('revoked_at')
    .where('name', '=', 'viewer')
    .executeTakeFirstOrThrow();
  return row.revoked_at === null;
}

async function eventsOf(kind: string): Promise<number> {
  return (await server.context.db.selectFrom('events').select('id').where('kind', '=', kind).execute())
    .length;
}

describe('a revocation', () => {
  it('is at the place when it is acknowledged', async () => {
    await backups.look();
    expect(await revoke()).toBe(204);

    const { db } = await made.restore();
    expect(await isViewerIn(db)).toBe(false);
    await db.destroy();
  });

  it('counts at once where the place is gone, is not acknowledged, and gets there by itself', async () => {
    await backups.look();
    await loseDisk();
    expect(await revoke()).toBe(503);
    expect(await isViewerIn(server.context.db)).toBe(false);
    await mountDisk();
    await backups.look();

    const { db } = await made.restore();
    expect(await isViewerIn(db)).toBe(false);
    await db.destroy();
  });
});

describe('a publication', () => {
  it('is refused, and shown to nobody, while the place is gone', async () => {
    await backups.look();
    const { layout, context, store } = server;
    const kept = keepCommits(made.config, { layout, db: context.db, store, now: () => server.now });
    server.keepCommit = kept.send;
    const request = firstPublication(context.publisher.onlineKeys);
    await loseDisk();
    expect(await refusedCode(context.publisher.publish(request, 'test'))).toBe('backup/not-kept');
    expect(await loadState(store)).toBeNull();
    await mountDisk();

    await context.publisher.publish(request, 'test');
    await kept.close();
    const restored = await made.restore();
    expect((await loadState(restored.store))?.root.content.version).toBe(1);
    await restored.db.destroy();
  });
});

describe('a halt that the server signs by itself', () => {
  it('goes out while the place is gone: a brake waits for no disk', async () => {
    await backups.look();
    const { layout, context, store } = server;
    const kept = keepCommits(made.config, { layout, db: context.db, store, now: () => server.now });
    await loseDisk();
    const commit = { schema: 'fairlead/commit@1', id: 'sha256:1', actor: 'server', roots: [] } as const;
    const halted = [{}] as unknown as Commit['halted'];

    await kept.send({ ...commit, roots: [], timestamp: null, changes: [], halted });
    expect(await refusedCode(kept.send({ ...commit, roots: [], timestamp: null, changes: [] }))).toBe(
      'backup/not-kept',
    );
    await kept.close();
    await mountDisk();
  });
});

describe('a database that was set back', () => {
  /** What came last is at the place, and not here any more. */
  async function setBack(): Promise<void> {
    await backups.look();
    await server.bearer('publisher');
    await backups.keep();
    const { db } = server.context;
    const { count } = await readAuditHead(db);
    await db.deleteFrom('audit').where('sequence', '=', count).execute();
  }
  const another = (text = BACKUP_KEY, warn: (error: unknown, what?: string) => void = () => undefined) => {
    const { layout, context } = server;
    const { config, backUp } = made;
    const maker = { backUp, stop: async () => undefined };
    const of = { layout, db: context.db, now: () => server.now, maker, warn };
    const keys = parseBackupKeys(text, 'a test');
    const begun = createBackups({ ...of, config: { ...config, keys } });
    onTestFinished(() => begun.stop());
    return begun;
  };

  it('lets no server begin, and under one that runs it is told and nothing is acknowledged', async () => {
    await setBack();
    expect(await refusedCode(another().begin())).toBe('backup/other-log');
    // As long as before, and another one.
    await server.bearer('security');
    expect(await refusedCode(another().begin())).toBe('backup/other-log');

    expect(await refusedCode(backups.keep())).toBe('backup/not-kept');
    await backups.look();
    expect(await eventsOf('backup.failed')).toBe(1);
  });

  it('is no matter where nobody can ask the place or open what is there', async () => {
    await setBack();
    await another('another key of backups, for tests alone').begin();
    await loseDisk();
    await another().begin();
    await mountDisk();
  });

  it.each([
    ['a later version wrote', '{"schema":"fairlead/backup-log@2","entries":[]}'],
    ['nobody can read', '[[[['],
  ])(
    'is looked for no more where the newest part of the log is one that %s; backups go on, and it is said',
    async (_, text) => {
      await backups.look();
      const { count } = await readAuditHead(server.context.db);
      await made.place.put(nameLog({ from: count + 1, to: count + 1, at: server.now }), Buffer.from(text));
      const said: string[] = [];
      const warn = (_error: unknown, what = 'no backup') => void said.push(what);

      const after = another(BACKUP_KEY, warn);
      await after.begin();
      await server.bearer('publisher');
      await after.keep();

      expect(said).toEqual([expect.stringContaining('backups go on')]);
    },
  );

  it('is none where the database alone went on', async () => {
    await backups.look();
    await server.bearer('publisher');
    await another().begin();
  });
});

describe('a place that hangs', () => {
  const never = () => new Promise<never>(() => undefined);
  const patience = { keepMs: 700, makeMs: 800, stopMs: 100 };

  /** As those of a server that runs, with one part that never answers. */
  function keepAt(place: Partial<BackupPlace>, maker: Partial<Maker> = {}, waits = patience): Backups {
    const { layout, context } = server;
    const whole = { backUp: made.backUp, stop: async () => undefined, ...maker };
    const of = { layout, db: context.db, now: () => server.now, config: made.config, patience: waits };
    const warn = (error: unknown) => void warnings.push(error);
    return createBackups(
      { ...of, maker: whole, warn },
      { ...made.place, close: async () => undefined, ...place },
    );
  }

  async function isSent(): Promise<void> {
    const { db } = server.context;
    const { count } = await readAuditHead(db);
    await vi.waitFor(async () => expect((await readBackupMark(db, 'log'))?.count).toBe(count));
  }

  it.each<[string, Partial<BackupPlace>, Partial<Maker>]>([
    ['where the log is sent', { verify: never }, {}],
    ['where a backup begins', { list: never }, {}],
    ['in the middle of a backup', {}, { backUp: never, stop: never }],
  ])('is noted, %s, and keeps no server from stopping', async (_where, place, maker) => {
    await backups.look();
    await server.bearer('publisher');
    server.now += 5 * MINUTE_MS;
    const hanging = keepAt(place, maker);

    await hanging.look();

    expect(await eventsOf('backup.failed')).toBe(1);
    expect((await readBackupMark(server.context.db, 'failed'))?.problem).toContain('takes longer');
    await hanging.stop();
  });

  it('grows no queue of what waits for it', async () => {
    await backups.look();
    let asked = 0;
    const hangs = Promise.withResolvers<void>();
    const verify = async () => {
      asked++;
      await hangs.promise;
    };
    const hanging = keepAt({ verify });
    await server.bearer('publisher');
    const kept = Array.from({ length: 5 }, () => refusedCode(hanging.keep()));
    expect(await Promise.all(kept)).toEqual(kept.map(() => 'backup/not-kept'));

    await server.bearer('security');
    hangs.resolve();
    await isSent();
    await hanging.keep();
    expect(asked).toBeLessThanOrEqual(2);
    await hanging.stop();
  });

  it('lets the log be sent while a backup takes its time', async () => {
    await backups.look();
    server.now += 5 * MINUTE_MS;
    onTestFinished(() => void vi.useRealTimers());
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const begun = Promise.withResolvers<void>();
    const backUp = () => {
      begun.resolve();
      return never();
    };
    const slow = keepAt({}, { backUp }, { ...patience, makeMs: MINUTE_MS });
    vi.advanceTimersByTime(LOOK_MS);
    await begun.promise;
    await server.bearer('publisher');

    const sent = isSent();
    vi.advanceTimersByTime(LOOK_MS);
    await sent;
    await slow.stop();
  });
});

describe('backups', () => {
  it('come when they are due', async () => {
    await backups.look();
    await backups.look();
    expect(await listSets(made.place)).toHaveLength(1);
    server.now += 5 * MINUTE_MS;
    await backups.look();
    expect(await listSets(made.place)).toHaveLength(2);
  });

  it('that fail are told once, with their time, and go on once the place is back', async () => {
    await backups.look();
    await loseDisk();
    server.now += 5 * MINUTE_MS;
    const since = new Date(server.now).toISOString();
    for (let round = 0; round < 3; round++) {
      await backups.look();
      server.now += MINUTE_MS;
    }

    expect(warnings).toHaveLength(1);
    expect(await eventsOf('backup.failed')).toBe(1);
    expect((await readBackupMark(server.context.db, 'failed'))?.since).toBe(since);

    await mountDisk();
    await backups.look();
    expect(await readBackupMark(server.context.db, 'failed')).toBeNull();
    expect(await listSets(made.place)).toHaveLength(2);
  });
});
