// Whatever holds the database, signed files are given meanwhile, whoever else may have them.
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import type { Context } from '../../../server/context.ts';
import { REPOSITORY_ACCESS } from '../../../server/core/downloads.ts';
import { connectionOf } from '../../../server/db/postgres.ts';
import { advisoryOf, firstPublication, publicationOf, signRole } from '../../support/publications.ts';
import { reachableFrom } from '../../support/reachable.ts';
import { enrolAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const ROUNDS = 8;

let server: TestServer;
afterEach(() => server.close());

/** Nobody writes until it is released; with PostgreSQL nobody reads either. */
async function hold({ config }: Context): Promise<() => Promise<void>> {
  if (config.database.kind === 'file') {
    const holder = new DatabaseSync(config.database.path);
    holder.exec('begin exclusive');
    return async () => holder.close();
  }
  const holder = new pg.Client(connectionOf(config.database, null));
  await holder.connect();
  await holder.query('begin; lock table instances, tokens, audit, deployments in access exclusive mode');
  return () => holder.end();
}

describe.each(REPOSITORY_ACCESS)('a database that is held, with files for whoever is %s', (access) => {
  it('costs no poll anything, while a report waits', async () => {
    server = await startTestServer(undefined, 'beside');
    const { context, app } = server;
    Object.assign(context, { downloads: { access, key: null, url: null } } satisfies Partial<Context>);
    const { publisher } = context;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'ada');
    const advisory = advisoryOf('FL-1');
    await publisher.publish(
      publicationOf([['security', signRole('security', 2, [advisory])]], [advisory]),
      'ada',
    );
    const agent = await enrolAgent(server, 'one');
    const base = await app.listen({ host: '127.0.0.1', port: 0 });
    const { names } = await reachableFrom(server.store);
    const files = names.filter((name) => access !== 'enrolled-documents' || !name.includes('/targets/'));
    const release = await hold(context);
    let waits = true;
    const reporting = agent.report(1).finally(() => {
      waits = false;
    });

    const statuses: number[] = [];
    let meanwhile = 0;
    const note = (status: number) => {
      statuses.push(status);
      if (waits) meanwhile++;
    };
    for (let i = 0; i < ROUNDS && waits; i++) {
      for (const name of ['repository/metadata/timestamp.json', ...files]) {
        const answer = await fetch(`${base}/${name}`);
        await answer.arrayBuffer();
        note(answer.status);
      }
      // As whoever sent a report before on the same connection asks.
      note((await app.inject({ url: '/repository/metadata/timestamp.json' })).statusCode);
    }
    await release();

    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(meanwhile).toBeGreaterThan(files.length);
    expect([200, 503]).toContain((await reporting).statusCode);
  });
});
