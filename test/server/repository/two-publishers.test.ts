// Two processes that publish into one repository over one PostgreSQL: one after the other, and never one over the other.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PostgresAddress } from '../../../server/core/database-address.ts';
import { verifyAudit } from '../../../server/db/audit-chain.ts';
import { findChange, recordPublication } from '../../../server/db/changes.ts';
import { openDatabase } from '../../../server/db/database.ts';
import { inPublishingTurn } from '../../../server/db/publishing.ts';
import type { Database } from '../../../server/db/tables.ts';
import { COMMIT, TIMESTAMP } from '../../../server/repository/names.ts';
import { createPublisher, type LocalPublisher } from '../../../server/repository/publisher.ts';
import { loadState } from '../../../server/repository/state.ts';
import type { RepositoryStore } from '../../../server/repository/store.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { findPostgres, type Postgres, startPostgres } from '../../support/postgres.ts';
import {
  advisoryOf,
  firstPublication,
  NOW,
  publicationOf,
  signRole,
  testKey,
} from '../../support/publications.ts';
import { storeAt, watchWrites } from '../../support/stores.ts';

const programs = findPostgres();
const OVERTAKEN = ['publication/overtaken', 'server/database-away', 'publication/version-taken'];
const DAY_MS = 24 * 60 * 60 * 1000;

/** One process: a connection of its own, a memory of its own, and a disk that a test can hold up. */
interface Process {
  readonly db: Database;
  readonly publisher: LocalPublisher;
  /** Called before each write, with how many came before, and where it goes. */
  onWrite: (count: number, name: string) => Promise<void>;
}

let postgres: Postgres;
let dir: string;
let store: RepositoryStore;
let address: PostgresAddress;
let now: number;
let processes: readonly Process[];

beforeAll(async () => {
  if (programs !== null) postgres = await startPostgres(programs);
});
afterAll(() => postgres?.stop());
beforeEach(async () => {
  if (programs === null) return;
  dir = await mkdtemp(join(tmpdir(), 'fairlead-two-'));
  store = storeAt(dir);
  address = await postgres.create();
  now = NOW;
  processes = [await open(), await open()];
});
afterEach(async () => {
  for (const { db } of processes) await db.destroy();
  await store?.close();
  await rm(dir, { recursive: true });
});

async function open(): Promise<Process> {
  const db = await openDatabase(address);
  let count = 0;
  const process = { db, onWrite: async (_count: number, _name: string) => undefined };
  const publisher = await createPublisher({
    store: watchWrites(store, (name) => process.onWrite(count++, name)),
    now: () => now,
    keys: { snapshot: testKey('snapshot'), timestamp: testKey('timestamp') },
    findChange: (id) => findChange(db, id),
    inTurn: (work) => inPublishingTurn(db, work),
    recordCommit: (commit, turn) => recordPublication(db, commit, turn.id, now),
  });
  return Object.assign(process, { publisher });
}

const one = () => processes[0] as Process;
const other = () => processes[1] as Process;
const publishFirst = () => one().publisher.publish(firstPublication(one().publisher.onlineKeys), 'test');
const halts = (version: number) => publicationOf([['halts', signRole('halts', version, [])]]);

function advisories(version: number, count = version) {
  const documents = Array.from({ length: count }, (_, i) =>
    advisoryOf(`FL-2026-${String(i + 1).padStart(4, '0')}`),
  );
  return publicationOf([['security', signRole('security', version, documents)]], documents);
}

/** `published`, or why not. */
function outcomeOf(publishing: Promise<unknown>): Promise<string> {
  return publishing.then(
    () => 'published',
    (error) => error.code,
  );
}

/** As the database does with a connection it can no longer hear. */
async function breakTurns(): Promise<void> {
  const name = address.place.split('/').at(-1);
  await postgres.query(
    `select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.database
     where l.locktype = 'advisory' and d.datname = '${name}'`,
  );
}

async function versions(): Promise<Readonly<Record<string, number>>> {
  const state = await loadState(store);
  return Object.fromEntries([...(state?.roles ?? [])].map(([role, { content }]) => [role, content.version]));
}

describe.skipIf(programs === null)('two publishers', () => {
  it('go on from what the other published, whether or not they were told', async () => {
    await publishFirst();
    await other().publisher.publish(halts(2), 'test');
    await one().publisher.publish(advisories(2), 'test');

    await other().publisher.follow();

    expect(await versions()).toMatchObject({ halts: 2, security: 2 });
    expect(other().publisher.published().advisories).toHaveLength(2);
    expect(other().publisher.state()?.timestamp.bytes).toEqual(one().publisher.state()?.timestamp.bytes);
  });

  it('publish at once, and neither takes back what the other did', async () => {
    await publishFirst();

    for (let version = 2; version < 12; version++) {
      await Promise.all([
        one().publisher.publish(advisories(version), 'test'),
        other().publisher.publish(halts(version), 'test'),
      ]);
      expect(await versions()).toMatchObject({ halts: version, security: version });
    }

    expect((await verifyAudit(one().db, null)).count).toBe(21);
  });

  it('do not both get one version', async () => {
    await publishFirst();

    const outcomes = await Promise.allSettled([
      one().publisher.publish(advisories(2, 1), 'test'),
      other().publisher.publish(advisories(2, 2), 'test'),
    ]);

    const refused = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason.code] : [],
    );
    expect(refused).toEqual(['publication/version-taken']);
  });

  it('sign what is due once', async () => {
    await publishFirst();
    await other().publisher.follow();
    now += 3 * DAY_MS;

    const outcomes = await Promise.all(processes.map(({ publisher }) => publisher.resign()));

    expect(outcomes.toSorted()).toEqual(['fresh', 'signed']);
  });

  it('finish what the other had committed when it died', async () => {
    await publishFirst();
    one().onWrite = async (_count, name) => {
      if (name === TIMESTAMP) throw new Error('killed');
    };
    await expect(one().publisher.publish(advisories(2), 'test')).rejects.toThrow('killed');

    await other().publisher.follow();

    expect(await versions()).toMatchObject({ security: 2 });
    expect(await store.read(COMMIT)).toBeNull();
  });

  it('lose nothing to one that slept through the end of its turn, wherever it slept', async () => {
    await publishFirst();
    let version = 1;
    for (let at = 0, slept = true; slept; at++) {
      version++;
      slept = await overtakeAt(at, version);
      await other().publisher.follow();
      const state = await loadState(store);
      expect(await versions(), `asleep before write ${at}`).toMatchObject({ halts: version });
      expect(state?.timestamp.content.version, `asleep before write ${at}`).toBe(
        other().publisher.state()?.timestamp.content.version,
      );
      const again = await one().publisher.publish(advisories(version), 'test');
      expect(again.timestamp).toBeGreaterThanOrEqual(state?.timestamp.content.version ?? 0);
      expect(await versions()).toMatchObject({ halts: version, security: version });
    }
    expect(version).toBeGreaterThan(5);
    await verifyAudit(one().db, null);
  });

  it.each([
    ['security.json', 'published', 3],
    ['snapshot.json', 'published', 3],
    ['commit.json', 'published', 3],
    // What was committed is finished by whoever comes next, who then is the one that is late.
    ['timestamp.json', 'publication/version-taken', 1],
  ])(
    'never write over one version what the other published under it: asleep before %s',
    async (file, theirs, advisoriesShown) => {
      await publishFirst();
      let overtaking = '';
      one().onWrite = async (_count, name) => {
        if (!name.endsWith(file)) return;
        one().onWrite = async () => undefined;
        await breakTurns();
        overtaking = await outcomeOf(other().publisher.publish(advisories(2, 3), 'test'));
      };

      const outcome = await outcomeOf(one().publisher.publish(advisories(2, 1), 'test'));

      // It holds every file against the one that names it.
      const state = await loadState(store);
      expect([overtaking, state?.roles.get('security')?.content.targets.size]).toEqual([
        theirs,
        advisoriesShown,
      ]);
      if (advisoriesShown === 3) expect(OVERTAKEN).toContain(outcome);
    },
  );

  /** False once there is no such write any more. */
  async function overtakeAt(at: number, version: number): Promise<boolean> {
    let slept = false;
    let begun = -1;
    one().onWrite = async (count) => {
      if (begun === -1) begun = count;
      if (count - begun !== at) return;
      slept = true;
      one().onWrite = async () => undefined;
      await breakTurns();
      await other().publisher.publish(halts(version), 'test');
    };
    const outcome = await outcomeOf(one().publisher.publish(advisories(version), 'test'));
    if (!slept) await other().publisher.publish(halts(version), 'test');
    expect(['published', ...OVERTAKEN]).toContain(outcome);
    return slept;
  }

  it('refuse a commit that was planned on what is no longer there', async () => {
    await publishFirst();
    let stale = '';
    one().onWrite = async (_count, name) => {
      if (name === TIMESTAMP) stale = String((await store.read(COMMIT))?.bytes);
    };
    await one().publisher.publish(halts(2), 'test');
    await other().publisher.publish(advisories(2), 'test');
    const before = await store.read(TIMESTAMP);
    await store.replace(COMMIT, Buffer.from(stale.replace('"id":"', '"id":"x')), null);

    await other().publisher.follow();

    expect(await store.read(TIMESTAMP)).toEqual(before);
    expect(await versions()).toMatchObject({ halts: 2, security: 2 });
  });

  it('wait for a turn no longer than a minute, and say when to come back', async () => {
    await publishFirst();
    const refusal = inPublishingTurn(one().db, async () => {
      const waiting = rejectionOf(inPublishingTurn(other().db, async () => undefined, 200));
      return (await waiting).code;
    });

    expect(await refusal).toBe('server/busy');
  });
});
