// A server put together from its backups: what it has, what nobody gets back, and what happens to a place that was touched.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noteRestored } from '../../../server/backup/restore.ts';
import { directoryAddress } from '../../../server/core/repository-address.ts';
import { appendAudit, readAudit } from '../../../server/db/audit.ts';
import { readFirstDigest, verifyAudit } from '../../../server/db/audit-chain.ts';
import { readBackupMark } from '../../../server/db/backup-marks.ts';
import { findChange } from '../../../server/db/changes.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { changeStanding } from '../../../server/db/standing.ts';
import { findToken } from '../../../server/db/token-lists.ts';
import { admitToken, revokeTokens } from '../../../server/db/tokens.ts';
import { transact } from '../../../server/db/transact.ts';
import { loadState } from '../../../server/repository/state.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import { keepBackups, type RestoredServer, type TestBackups } from '../../support/backups.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { refusedCode } from '../../support/error-code.ts';
import {
  capability,
  changeOf,
  firstPublication,
  publicationOf,
  signRole,
} from '../../support/publications.ts';
import { addPack, startTestServer, type TestServer } from '../../support/server-under-test.ts';
import { namesIn } from '../../support/stores.ts';

const MINUTE_MS = 60_000;

let server: TestServer;
let tree: TreeRef;
let backups: TestBackups;
let opened: RestoredServer[];

beforeEach(async () => {
  server = await startTestServer();
  tree = await addPack(server.store, 'console.log(1)');
  backups = keepBackups(server);
  opened = [];
  await token('viewer');
});
afterEach(async () => {
  for (const { db } of opened) await db.destroy();
  await backups.close();
  await server.close();
});

describe('a restored server', () => {
  it('has the fleet, its log and every file of the repository', async () => {
    await publishFirst();
    await backups.backUp();

    const { db, store } = await restore();

    expect(await readFirstDigest(db)).toBe(await readFirstDigest(server.context.db));
    expect(await verifyAudit(db, null)).toEqual(await verifyAudit(server.context.db, null));
    expect(await isLetIn(db, 'viewer')).toBe(true);
    const there = await namesIn(store, 'repository/');
    expect(there).toEqual(expect.arrayContaining([...(await namesIn(server.store, 'repository/'))]));
    for (const name of await namesIn(server.store, 'repository/targets'))
      expect((await store.read(name))?.bytes).toEqual((await server.store.read(name))?.bytes);
  });

  it('says in its log that it was restored, with what came back of it, and to whoever it signs receipts for', async () => {
    await publishFirst();
    await backups.backUp();
    const { db } = await restore();
    const { count } = await verifyAudit(db, null);

    const replayed = { entries: 2, lost: [], lostCount: 0, isBroken: false };
    const set = { name: 'set', sequence: 7, at: server.now } as Parameters<typeof noteRestored>[1];
    await noteRestored(db, set, replayed, server.now + MINUTE_MS);

    const { entries } = await readAudit(db, count, 10);
    expect(entries).toMatchObject([
      { action: 'backup.restored', subject: 'backup 7', details: { replayed: 2, count } },
    ]);
    expect((await verifyAudit(db, null)).count).toBe(count + 1);
    expect(await readBackupMark(db, 'restores')).toEqual([{ at: entries[0]?.at, count }]);

    await noteRestored(db, set, replayed, server.now + 2 * MINUTE_MS);
    expect(await readBackupMark(db, 'restores')).toMatchObject([{ count }, { count: count + 1 }]);
  });

  it('signs above all that was signed, so that no agent takes it for an older one', async () => {
    await publishFirst();
    await backups.backUp();
    server.now += 30 * 24 * 60 * MINUTE_MS;
    await server.context.publisher.resign();
    const last = await loadState(server.store);
    server.now += MINUTE_MS;

    const state = await loadState((await restore()).store);

    expect(state?.timestamp.content.version).toBeGreaterThan(last?.timestamp.content.version ?? Infinity);
    expect(state?.snapshot.content.version).toBeGreaterThan(last?.snapshot.content.version ?? Infinity);
  });

  it('has what was published since the backup, with its changes, each in the log once', async () => {
    await publishFirst();
    await backups.backUp();
    server.now += MINUTE_MS;
    await publishSecond();
    await backups.keepLog();

    const { db, store, restored } = await restore();

    expect((await loadState(store))?.roles.get('releases')?.content.version).toBe(2);
    expect(await findChange(db, 'CHG-2')).not.toBeNull();
    expect(restored.publications).toBe(1);
    expect(restored.replayed.lost).toEqual([]);
    expect(await acceptedIn(db)).toBe(2);
  });

  it.each(['pack.received', 'patch.received', 'sbom.received'])(
    'names no file as lost that was sent since: %s',
    async (action) => {
      await publishFirst();
      await backups.backUp();
      const event = { actor: 'a test', action, subject: '0'.repeat(64), details: { bytes: 12 } };
      await transact(server.context.db, 'committed', (trx) => appendAudit(trx, event, server.now));
      await backups.keepLog();

      const { restored } = await restore();

      expect(restored.replayed).toMatchObject({ entries: 1, lost: [] });
    },
  );

  it('has a publication that was sent and never answered: the server died before it was shown', async () => {
    await publishFirst();
    await backups.backUp();
    server.now += MINUTE_MS;
    const send = server.keepCommit;
    server.keepCommit = async (commit) => {
      await send(commit);
      throw new Error('killed');
    };
    await expect(publishSecond()).rejects.toThrow('killed');

    const { db, store } = await restore();

    expect((await loadState(server.store))?.roles.get('releases')?.content.version).toBe(1);
    expect((await loadState(store))?.roles.get('releases')?.content.version).toBe(2);
    expect(await acceptedIn(db)).toBe(2);
    expect(await findChange(db, 'CHG-2')).not.toBeNull();
  });

  it('lets nobody in who was shut out since the backup, and everybody who came', async () => {
    const { db: live } = server.context;
    const { code } = await createEnrolment(live, { name: 'web-1', actor: 'test' }, server.now);
    const late = await createEnrolment(live, { name: 'web-2', actor: 'test' }, server.now);
    const one = await redeem(code, 'a'.repeat(43));
    await backups.backUp();
    server.now += MINUTE_MS;
    await revokeTokens(live, 'viewer', 'test', server.now);
    const to = { id: one, to: 'isolated', reason: 'stolen', actor: 'test' } as const;
    await transact(live, 'committed', (trx) => changeStanding(trx, to, () => undefined, server.now));
    const two = await redeem(late.code, 'b'.repeat(43));
    await token('portal');
    await backups.keepLog();

    const { db, restored } = await restore();

    expect(await isLetIn(db, 'viewer')).toBe(false);
    const rows = await db
      .selectFrom('instances')
      .select(['id', 'public_key', 'standing'])
      .orderBy('name')
      .execute();
    expect(rows).toEqual([
      { id: one, public_key: 'a'.repeat(43), standing: 'isolated' },
      { id: two, public_key: 'b'.repeat(43), standing: null },
    ]);
    expect(
      await db.selectFrom('enrolments').select('used_by').where('used_by', 'is', null).execute(),
    ).toEqual([]);
    expect(await verifyAudit(db, null)).toEqual(await verifyAudit(live, null));
    expect(restored.replayed.lost.map(({ action, subject }) => `${action} ${subject}`)).toEqual([
      'token.created portal',
    ]);
  });

  it('of an older backup still has all that was published and taken away since', async () => {
    await publishFirst();
    await backups.backUp();
    server.now += 10 * MINUTE_MS;
    await revokeTokens(server.context.db, 'viewer', 'test', server.now);
    await publishSecond();
    server.now += 10 * MINUTE_MS;
    await backups.backUp();

    const { db, store } = await restore(1);

    expect(await isLetIn(db, 'viewer')).toBe(false);
    expect((await loadState(store))?.roles.get('releases')?.content.version).toBe(2);
  });
});

describe('a place that was touched', () => {
  it('is refused with one bit turned, whichever kind of file that is in', async () => {
    await publishFirst();
    await backups.backUp();
    server.now += MINUTE_MS;
    await publishSecond();
    await backups.keepLog();
    const files = (await filesAtPlace()).filter((file) => !file.endsWith('fleet.json'));

    const { path } = backups.config.address as { readonly path: string };
    for (const kind of ['data', 'sets', 'files', 'lists', 'published', 'log']) {
      const those = files.filter((file) => file.startsWith(join(path, kind)));
      expect(those.length, kind).toBeGreaterThan(0);
      for (const file of those) await turnBit(file);
      expect(await refusedCode(restore()), kind).toBe('backup/damaged');
      for (const file of those) await turnBit(file);
    }
    await restore();
  });

  it('names what is missing', async () => {
    await publishFirst();
    await backups.backUp();
    for (const name of await backups.place.list('files/')) await backups.place.remove(name);

    expect(await refusedCode(restore())).toBe('backup/missing');
  });

  it('is mended by the next backup where a file of the repository was taken away', async () => {
    await publishFirst();
    await backups.backUp();
    for (const name of await backups.place.list('files/')) await backups.place.remove(name);
    await backups.backUp();

    expect((await restore()).restored.files).toBeGreaterThan(5);
  });

  it('that is another fleet’s takes nothing, and one that was emptied is taken for a disk that is not there', async () => {
    await backups.backUp();
    const other = await startTestServer();
    await admitToken(
      other.context.db,
      { text: 'flt_x', name: 'x', role: 'admin', expires: other.now + 1, actor: 'test' },
      other.now,
    );
    const foreign = keepBackups(other, backups.config.address);
    expect(await refusedCode(foreign.backUp())).toBe('backup/foreign');
    const { path } = backups.config.address as { readonly path: string };
    await rm(path, { recursive: true });
    expect(await refusedCode(backups.backUp())).toBe('backup/place-lost');
    await foreign.close();
    await other.close();
  });

  it('shows nothing of what is kept there', async () => {
    await publishFirst();
    await backups.backUp();
    for (const file of (await filesAtPlace()).filter((one) => !one.endsWith('fleet.json'))) {
      const bytes = await readFile(file);
      expect(bytes.subarray(0, 8).toString()).toBe('FLBAK/1\n');
      expect(bytes.includes('capabilities')).toBe(false);
    }
  });

  it('is written where it can be written: a failed backup leaves the ones before, and none that is half', async () => {
    await publishFirst();
    await backups.backUp();
    const file = join(temporaryDirectory(), 'a file');
    await writeFile(file, '');
    const broken = keepBackups(server, directoryAddress(file));

    expect(await refusedCode(broken.backUp())).toBe('backup/place-failed');
    await broken.close();

    expect((await restore()).restored.files).toBeGreaterThan(5);
    expect(await readdir(server.layout.backupStaging)).toEqual([]);
  });
});

async function restore(wanted?: number): Promise<RestoredServer> {
  const restored = await backups.restore(wanted);
  opened.push(restored);
  return restored;
}

async function filesAtPlace(): Promise<readonly string[]> {
  const { path } = backups.config.address as { readonly path: string };
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((one) => one.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

async function turnBit(file: string): Promise<void> {
  const bytes = await readFile(file);
  const at = bytes.length - 20;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

async function token(name: string): Promise<void> {
  const expires = server.now + 1_000 * 24 * 60 * MINUTE_MS;
  const request = { text: `flt_${name}`, name, role: 'viewer', expires, actor: 'test' } as const;
  await admitToken(server.context.db, request, server.now);
}

async function isLetIn(db: RestoredServer['db'], name: string): Promise<boolean> {
  return (await findToken(db, `flt_${name}`, server.now).catch(() => null)) !== null;
}

async function redeem(code: string, publicKey: string): Promise<string> {
  const request = { code, publicKey, hostname: 'web', agentVersion: '1.0.0' };
  return (await redeemEnrolment(server.context.db, request, server.now)).instance;
}

async function acceptedIn(db: RestoredServer['db']): Promise<number> {
  const rows = await db
    .selectFrom('audit')
    .select('sequence')
    .where('action', '=', 'publication.accepted')
    .execute();
  return rows.length;
}

function publishFirst() {
  return server.context.publisher.publish(firstPublication(server.context.publisher.onlineKeys), 'test');
}

function publishSecond() {
  const document = capability('1.0.0', tree, 'CHG-2');
  const change = changeOf(document, '1.0.0', tree, 'release', 'CHG-2');
  const signed = signRole('releases', 2, [document]);
  return server.context.publisher.publish(
    publicationOf([['releases', signed]], [document], [change]),
    'test',
  );
}
