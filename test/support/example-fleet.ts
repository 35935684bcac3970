// The fleet of which the routes' examples tell, alive on a real server: what an example names stands for something here.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { foldAlarms } from '../../server/db/alerts.ts';
import { enqueue } from '../../server/db/deliveries.ts';
import { addJob } from '../../server/db/jobs.ts';
import { hashSecret } from '../../server/db/token-lists.ts';
import { transact } from '../../server/db/transact.ts';
import {
  CODE,
  CUSTOMER,
  DEPLOY_PROPOSAL,
  ENROLMENT,
  FORMER_CUSTOMER,
  INSTANCE,
  MESSAGES,
  NEW_TREE,
  OLD_MILL,
  OLD_TREE,
  PIN_PROPOSAL,
  POLICY,
  RECEIVER,
  SBOM,
  SIGNED,
  TOKEN,
  TREE,
  WEBHOOK,
} from '../../server/http/examples.ts';
import { JOB_KINDS } from '../../server/jobs/kinds.ts';
import { patchListName, patchName, sbomName } from '../../server/repository/names.ts';
import { digestFromHex, digestOf, hexOf } from '../../shared/encoding/digest.ts';
import { encodePatchList } from '../../shared/protocol/patches.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import { parseVersion } from '../../shared/version/version.ts';
import { advisoryOf, signRole } from './publications.ts';
import { publishVersions } from './published-versions.ts';
import { recordOf } from './reports.ts';
import { enrolAgent, type ServerAgent } from './server-agent.ts';
import { makePack, startTestServer, type TestServer } from './server-under-test.ts';

export interface ExampleFleet {
  readonly server: TestServer;
  readonly url: string;
  readonly agent: ServerAgent;
  /** A pack that was not uploaded yet. */
  readonly pack: Buffer;
  /** What examples say, as it is here. */
  toReal<Value>(value: Value): Value;
  /** What was answered here, as examples say it. */
  toExample(text: string): string;
}

const AUTH = 'core/auth' as ComponentKey;
const MINUTE_MS = 60_000;

export async function startExampleFleet(): Promise<ExampleFleet> {
  const server = await startTestServer();
  const url = await server.app.listen({ host: '127.0.0.1', port: 0 });
  const signed = await publish(server);
  await runJobs(server, ['advisories']);
  const { make, id } = maker(server);
  const customer = id(await make('customers', { name: 'Harbour hospitals' }));
  const former = id(await make('customers', { name: 'Old mill clinic' }));
  const agent = await enrolAgent(server, 'Harbour hospital', { customer });
  await report(agent);
  await runJobs(server, ['count-ended', 'sample']);
  await make('groups', { name: 'hospitals', instances: [agent.instance] });
  const careful = { name: 'careful', channel: 'manual', description: 'somebody looks first' };
  const policy = id(await make('policies', careful));
  const token = id(await make('tokens', { name: 'dashboard', role: 'viewer', validFor: 'P90D' }));
  const { code } = await make('enrolments', { name: 'Harbour hospital' });
  const { pin, deploy } = await propose(make, agent);
  const receiver = await receive();
  const webhook = id(await make('webhooks', { name: 'on-call', url: receiver, types: MESSAGES }));
  await tellOf(server, agent, webhook);
  const mill = await isolated(server);
  await addJob(server.context.db, { id: 'resign', kind: 'resign', due: server.now + MINUTE_MS });
  const { tree, pack } = await makePack('1.2.2');
  const before = hexOf((await makePack('1.2.1')).tree.digest);
  // The same bytes are sent wherever an example uploads some.
  const sbom = hexOf(digestOf(pack));
  await server.store.write(sbomName(before, sbom), pack);
  const old = '1e'.repeat(32);
  await server.store.write(patchName(before, old), pack);
  const listed = { full: 1_000, patches: [{ from: digestFromHex(old), bytes: 500 }] };
  await server.store.write(patchListName(before), encodePatchList(listed));
  const pairs = Object.entries({
    ...{ [INSTANCE]: agent.instance, [CUSTOMER]: customer, [FORMER_CUSTOMER]: former, [POLICY]: policy },
    ...{ [TOKEN]: token, [PIN_PROPOSAL]: pin, [DEPLOY_PROPOSAL]: deploy, [CODE]: String(code) },
    ...{ [TREE]: before, [NEW_TREE]: hexOf(tree.digest), [SBOM]: sbom, [OLD_TREE]: old },
    ...{ [WEBHOOK]: webhook, [RECEIVER]: receiver },
    ...{ [SIGNED]: signed, [OLD_MILL]: mill, [ENROLMENT]: hashSecret(String(code)).slice(0, 32) },
  });
  return {
    ...{ server, url, agent, pack },
    toReal: (value) =>
      JSON.parse(pairs.reduce((text, [said, real]) => text.replaceAll(said, real), JSON.stringify(value))),
    toExample: (text) => pairs.reduce((whole, [said, real]) => whole.replaceAll(real, said), text),
  };
}

/** What the server does by itself every few minutes. */
async function runJobs({ context }: TestServer, kinds: readonly string[]): Promise<void> {
  for (const { kind, work } of JOB_KINDS.filter((one) => kinds.includes(one.kind))) {
    const job = { id: kind, kind, subject: '', attempt: 1, lease: '', due: '' };
    const { signal } = new AbortController();
    const effect = await work(context, job, signal, signal);
    if (effect !== null) await transact(context.db, 'committed', effect);
  }
}

/** Answers where it listens; it says yes to everything, and keeps no test from ending. */
async function receive(): Promise<string> {
  const receiver = createServer((request, response) => request.resume().on('end', () => response.end()));
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
  receiver.unref();
  return `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/fairlead`;
}

/** One alert, and one message that waits. */
async function tellOf(server: TestServer, agent: ServerAgent, webhook: string): Promise<void> {
  const step = 'core/auth 1.2.0 → 1.2.1';
  const alarm = {
    ...({ kind: 'rollback', severity: 'warning', about: step } as const),
    ...{ text: `${step}: rolled-back: deploy/unhealthy` },
    instance: { id: agent.instance, name: 'Harbour hospital' },
  };
  await transact(server.context.db, 'committed', async (trx) => {
    await foldAlarms(trx, [alarm], server.now);
    await enqueue(trx, [{ receiver: webhook, type: 'alert.rollback', body: '{}' }], server.now);
  });
}

/** In the first state that anybody asks about. */
async function isolated(server: TestServer): Promise<string> {
  const { instance } = await enrolAgent(server, 'Old mill clinic');
  const since = new Date(server.now).toISOString();
  const why = { standing_by: 'token admin', standing_reason: 'reported a version nobody released' };
  await server.context.db
    .updateTable('instances')
    .set({ standing: 'isolated', standing_since: since, ...why })
    .where('id', '=', instance)
    .execute();
  return instance;
}

type Make = (path: string, payload: object) => Promise<Record<string, unknown>>;

/** Each a minute after the one before: lists have one order. */
function maker(server: TestServer) {
  const make: Make = async (path, payload) => {
    server.now += MINUTE_MS;
    const headers = await server.bearer('admin');
    const response = await server.app.inject({
      ...{ method: 'POST', url: `/api/v1/${path}`, headers, payload },
    });
    if (response.statusCode >= 300) throw new Error(response.body);
    return response.json();
  };
  return { make, id: (made: Record<string, unknown>) => String(made['id']) };
}

/** Two versions of one capability, and a hole in the first. Answers the metadata that could come next, base64. */
async function publish(server: TestServer): Promise<string> {
  const hole = advisoryOf('FL-2026-0003', {
    severity: 'critical',
    cves: ['CVE-2026-31337'],
    affected: [{ component: 'core/auth', versions: '<1.2.1' }],
    fixed: [{ component: 'core/auth', version: '1.2.1' }],
    order: { notice: 'PT0S', deadline: '2026-11-21T12:00:00Z' },
  });
  const documents = await publishVersions(server, ['1.2.0', '1.2.1'], [hole], 41);
  return Buffer.from(signRole('releases', 3, documents)).toString('base64');
}

async function report(agent: ServerAgent): Promise<void> {
  const version = parseVersion('1.2.0');
  const steps = [{ component: AUTH, from: null, to: version, change: 'CHG-41' }];
  const committed = recordOf(1, 'committed', 'CHG-41', { steps });
  const back = recordOf(2, 'rolled-back', 'CHG-42', {
    reason: { kind: 'forced', advisories: ['FL-2026-0003'] },
    from: committed.to,
    steps: [{ component: AUTH, from: version, to: parseVersion('1.2.1'), change: 'CHG-42' }],
    failure: { code: 'deploy/unhealthy', message: 'core/auth 1.2.1 was not healthy in time' },
    previousGeneration: 1,
  });
  const { tree } = await makePack('1.2.0');
  const response = await agent.report(1, {
    components: [{ component: AUTH, version, tree: tree.digest, health: 'healthy' }],
    decision: {
      ...{ verdict: 'blocked', target: null },
      blockers: [
        {
          code: 'quarantined',
          message: 'core/auth 1.2.1 failed here before',
          source: 'core/auth',
          owner: 'admin',
          clearWith: 'fairlead quarantine lift core/auth --reason "why"',
        },
      ],
      exposed: [{ advisory: 'FL-2026-0003', severity: 'critical', component: AUTH, version: '1.2.0' }],
    },
    records: [committed, back],
  });
  if (response.statusCode !== 200) throw new Error(response.body);
}

/** A pin, which waits there for a person, and a deployment, which nobody there has heard of. */
async function propose(make: Make, agent: ServerAgent) {
  const to = { instance_id: agent.instance };
  const wish = { kind: 'pin', component: 'core/auth', version: '~1.2' };
  const pinned = await make('proposals', { ...to, wish, reason: 'certified with 1.2' });
  const [{ id: pin }] = pinned['proposals'] as [{ readonly id: string }];
  const queued = { id: pin, revision: 1, answer: 'queued', code: null, change: null };
  const said = { text: 'it waits for a person', by: 'policy', at: '2026-11-20T12:10:00Z' };
  const answered = await agent.ask('POST', 'proposals/answers', { answers: [{ ...queued, ...said }] });
  if (answered.statusCode !== 200) throw new Error(answered.body);
  const made = await make('deployments', {
    ...to,
    release: 'core/auth@1.2.0',
    reason: 'agreed on the phone',
  });
  const [{ id: deploy }] = made['deployments'] as [{ readonly id: string }];
  return { pin, deploy };
}
