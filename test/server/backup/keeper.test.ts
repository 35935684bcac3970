// A running server and the place of its backups: nothing is acknowledged that is not there, and a place that fails stops nothing else.
import { rename } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Backups, createBackups } from '../../../server/backup/keeper.ts';
import { keepCommits } from '../../../server/backup/published.ts';
import { listSets } from '../../../server/backup/take.ts';
import { readBackupMark } from '../../../server/db/backup-marks.ts';
import type { Commit } from '../../../server/repository/commit.ts';
import { loadState } from '../../../server/repository/state.ts';
import { keepBackups, type TestBackups } from '../../support/backups.ts';
import { refusedCode } from '../../support/error-code.ts';
import { firstPublication } from '../../support/publications.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const MINUTE_MS = 60_000;

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
