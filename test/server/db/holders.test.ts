// Which installs have a version as what runs or as what a rollback would bring back, on either database.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeChanges } from '../../../server/db/changes.ts';
import { findHolders, listUnheard } from '../../../server/db/holders.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { capability, changeOf, digestOfText } from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';
import { enrolAgent, type ServerAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const AUTH = 'core/auth' as ComponentKey;
const TREE: TreeRef = { digest: digestOfText('tree'), files: 1, bytes: 1 };
const VERSIONS = ['1.0.0', '1.0.1', '1.0.2'] as const;

let server: TestServer;
let agent: ServerAgent;
let sent: number;

beforeEach(async () => {
  server = await startTestServer();
  const changes = VERSIONS.map((version, at) =>
    changeOf(capability(version, TREE, `CHG-${at}`), version, TREE, 'release', `CHG-${at}`),
  );
  await writeChanges(server.context.db, changes, server.now);
  agent = await enrolAgent(server, 'Harbour');
  sent = 0;
});
afterEach(() => server.close());

/** The install moved from the one to the other, or tried to. */
async function moved(from: string | null, to: string, state: 'committed' | 'rolled-back' = 'committed') {
  sent++;
  const step = {
    ...{ component: AUTH, from: from === null ? null : parseVersion(from), to: parseVersion(to) },
    change: `CHG-${to.at(-1)}`,
  };
  const version = state === 'committed' ? to : (from ?? '');
  const running = {
    component: AUTH,
    version: parseVersion(version),
    tree: TREE.digest,
    health: 'healthy' as const,
  };
  const records = [recordOf(sent, state, step.change, { steps: [step] })];
  await agent.report(sent, reportOf(sent, { components: [running], records }));
}

const holders = () =>
  Promise.all(
    VERSIONS.map(
      async (version) => (await findHolders(server.context.db, { component: AUTH, version })).length,
    ),
  );

it('is what runs, and what ran before it', async () => {
  await moved(null, '1.0.0');
  expect(await holders()).toEqual([1, 0, 0]);

  await moved('1.0.0', '1.0.1');
  expect(await holders()).toEqual([1, 1, 0]);

  await moved('1.0.1', '1.0.2');
  expect(await holders()).toEqual([0, 1, 1]);
});

it('is not changed by what was tried and rolled back', async () => {
  await moved(null, '1.0.0');
  await moved('1.0.0', '1.0.1');
  await moved('1.0.1', '1.0.2', 'rolled-back');

  expect(await holders()).toEqual([1, 1, 0]);
});

it('is nothing of an install that was retired, and all of one that is only shut out', async () => {
  await moved(null, '1.0.0');
  await server.context.db.updateTable('instances').set({ standing: 'isolated' }).execute();
  expect(await holders()).toEqual([1, 0, 0]);

  await server.context.db.updateTable('instances').set({ standing: 'retired' }).execute();
  expect(await holders()).toEqual([0, 0, 0]);
});

it('is unknown of an install that never reported, until it does or is retired', async () => {
  const unheard = () => listUnheard(server.context.db);
  await enrolAgent(server, 'Silent');
  expect(await unheard()).toEqual(['Harbour', 'Silent']);

  await moved(null, '1.0.0');
  expect(await unheard()).toEqual(['Silent']);

  await server.context.db.updateTable('instances').set({ standing: 'retired' }).execute();
  expect(await unheard()).toEqual([]);
});
