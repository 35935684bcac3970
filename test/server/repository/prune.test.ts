// What nobody can ask for any more goes from a server's repository, and an agent that is slow still finds its files.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAudit } from '../../../server/db/audit.ts';
import { JOB_KINDS } from '../../../server/jobs/kinds.ts';
import { createJobs } from '../../../server/jobs/run.ts';
import { metadataName, TIMESTAMP } from '../../../server/repository/names.ts';
import { UNREFERENCED_KEPT_MS } from '../../../server/repository/prune.ts';
import {
  advisoryOf,
  firstPublication,
  publicationOf,
  signRole,
  type VendorDocument,
} from '../../support/publications.ts';
import { reachableFrom } from '../../support/reachable.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';
import { namesIn } from '../../support/stores.ts';

const DAY_MS = 86_400_000;

describe('on a server', () => {
  let server: TestServer;
  let url: string;
  let version = 1;

  beforeEach(async () => {
    server = await startTestServer();
    const { publisher } = server.context;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'ada');
    version = 1;
    await publish(advisoryOf('FL-1', { title: 'first' }));
    url = await server.app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterEach(() => server.close());

  async function publish(...documents: readonly VendorDocument[]): Promise<void> {
    const metadata = signRole('security', ++version, documents);
    await server.context.publisher.publish(publicationOf([['security', metadata]], documents), 'ada');
  }

  async function statusesOf(names: readonly string[]): Promise<ReadonlySet<number>> {
    const answers = await Promise.all(names.map((name) => fetch(`${url}/${name}`)));
    for (const answer of answers) await answer.arrayBuffer();
    return new Set(answers.map(({ status }) => status));
  }

  it('an agent that began before a publication finds all it goes through for as long as its snapshot lasts, and a month', async () => {
    const before = await reachableFrom(server.store);
    await publish(advisoryOf('FL-1', { title: 'second' }));
    server.now = before.expires + UNREFERENCED_KEPT_MS - 1;

    const [statuses] = await Promise.all([statusesOf(before.names), server.context.publisher.prune()]);

    expect([...statuses]).toEqual([200]);
    // Beside what the server has in memory.
    expect(await namesIn(server.store, 'repository/')).toEqual(expect.arrayContaining([...before.names]));
  });

  it('what it left behind goes then, and nothing that is current', async () => {
    const before = await reachableFrom(server.store);
    await publish(advisoryOf('FL-1', { title: 'second' }), advisoryOf('FL-2'));
    server.now = before.expires + UNREFERENCED_KEPT_MS;
    const jobs = await createJobs(server.context, JOB_KINDS);
    server.now += DAY_MS;
    await jobs.look();
    await jobs.stop();

    const current = await reachableFrom(server.store);
    const names = await namesIn(server.store, 'repository/');
    expect(names).toEqual([...current.names, metadataName('root', 1), TIMESTAMP].sort());
    const { entries } = await readAudit(server.context.db, 0, 100);
    const details = entries.filter(({ action }) => action === 'repository.pruned').map((one) => one.details);
    // Of security twice, the first advisory, and the two snapshots of that time and the one after it.
    expect(details).toEqual([{ removed: 6 }]);
  });
});
