// The fleet over HTTP: from a code to an instance that reports, and what people can then ask.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { redeemReply } from '../../../shared/protocol/enrolment.ts';
import {
  auditReply,
  changeReply,
  deploymentsReply,
  instanceReply,
  instancesReply,
  patchesReply,
} from '../../../shared/protocol/fleet.ts';
import { enrolmentReply } from '../../../shared/protocol/publication.ts';
import { type Report, reportReply } from '../../../shared/protocol/report.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import {
  advisoryOf,
  capability,
  changeOf,
  firstPublication,
  publicationOf,
  signRole,
} from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';
import { addPack, startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;
let report: (sequence: number, overrides?: Partial<Report>, boot?: unknown) => Promise<number>;
let instance: string;

beforeEach(async () => {
  server = await startTestServer();
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  instance = await enrol('customer one', publicKeyOf(publicKey));
  report = async (sequence, overrides, boot) => {
    const now = Math.floor(server.now / 1000);
    const token = await new SignJWT(boot === undefined ? {} : { boot })
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer(instance)
      .setAudience('fairlead-server')
      .setIssuedAt(now)
      .setExpirationTime(now + 60)
      .sign(privateKey);
    const response = await server.app.inject({
      method: 'POST',
      url: '/api/v1/reports',
      headers: { authorization: `Bearer ${token}` },
      payload: reportOf(sequence, overrides),
    });
    return parseDocument(reportReply, response.json(), 'the reply').sequence;
  };
});
afterEach(() => server.close());

async function enrol(name: string, publicKey: string): Promise<string> {
  const { code } = await ask(enrolmentReply, 'POST', '/api/v1/enrolments', { name });
  const agent = { hostname: 'host', agentVersion: '0.1.0', publicKey, code };
  return (await ask(redeemReply, 'POST', '/api/v1/enrolments/redeem', agent)).instance;
}

function publicKeyOf(key: KeyObject): string {
  return String(key.export({ format: 'jwk' }).x);
}

describe('an instance', () => {
  it('is listed from its enrolment on, and with what it reports', async () => {
    const before = await ask(instancesReply, 'GET', '/api/v1/instances');
    await report(1, { channel: 'frozen' });

    const after = await ask(instanceReply, 'GET', `/api/v1/instances/${instance}`);

    expect(before.instances).toMatchObject([
      { id: instance, name: 'customer one', lastSeen: null, channel: null },
    ]);
    expect(after).toMatchObject({ channel: 'frozen', report: { sequence: 1 } });
  });

  it('is found by name or id, and listed page by page', async () => {
    await enrol('customer two', publicKeyOf(generateKeyPairSync('ed25519').publicKey));
    await enrol('customer three', publicKeyOf(generateKeyPairSync('ed25519').publicKey));
    const namesAt = async (query: string) =>
      (await ask(instancesReply, 'GET', `/api/v1/instances?${query}`)).instances.map(({ name }) => name);

    const first = await server.app.inject({
      url: '/api/v1/instances?limit=2',
      headers: await server.bearer('viewer'),
    });
    const next = /<([^>]+)>; rel="next"/.exec(String(first.headers.link))?.[1] ?? '';
    const last = await server.app.inject({ url: next, headers: await server.bearer('viewer') });

    expect(await namesAt('limit=2')).toEqual(['customer one', 'customer three']);
    expect(last.json().instances.map(({ name }: { name: string }) => name)).toEqual(['customer two']);
    expect(last.headers.link).toBeUndefined();
    expect(await namesAt('named=customer+two')).toEqual(['customer two']);
    expect(await namesAt(`named=${instance}`)).toEqual(['customer one']);
    expect(await namesAt('named=nobody')).toEqual([]);
  });

  it('that speaks with two voices is shown so', async () => {
    for (const boot of ['boot-one', 'boot-two', 'boot-one', 'boot-two']) await report(1, {}, boot);

    const shown = await ask(instancesReply, 'GET', '/api/v1/instances');

    expect(shown.instances[0]?.twinsHeard).toBeDefined();
  });

  it.each([[{}], ['short'], [7], ['x'.repeat(65)], ['a b c d e f g h']])(
    'whose token names a start as %j is heard like one that names none',
    async (boot) => {
      for (let i = 1; i < 5; i++) expect(await report(i, {}, i % 2 === 0 ? boot : 'boot-one')).toBe(i);

      expect((await ask(instanceReply, 'GET', `/api/v1/instances/${instance}`)).twinsHeard).toBeUndefined();
    },
  );

  it('that lost its count is told where to go on', async () => {
    await report(7);

    expect(await report(1)).toBe(7);
  });

  it('whose report would not fit is refused before anything is kept', async () => {
    await expect(report(1, { components: [{ component: 'no slash' }] as never })).rejects.toThrow();

    expect((await ask(instanceReply, 'GET', `/api/v1/instances/${instance}`)).lastSeen).toBeNull();
  });
});

describe('a change', () => {
  it('is shown with how it fares on the fleet', async () => {
    await publishRelease();
    await report(1, { records: [recordOf(1, 'committed')] });

    const reply = await ask(changeReply, 'GET', '/api/v1/changes/CHG-1');

    expect(reply.counts).toEqual({
      committed: 1,
      rolledBack: 0,
      inProgress: 0,
      failed: 0,
    });
    expect(reply.deployments).toMatchObject([{ instanceName: 'customer one', state: 'committed' }]);
  });
});

describe('rollback history', () => {
  it('holds deployments that went back, by themselves or by hand', async () => {
    const byHand = { reason: { kind: 'rollback', generation: 1 } } as const;
    const records = [
      recordOf(1, 'committed'),
      recordOf(2, 'rolled-back'),
      recordOf(3, 'committed', null, byHand),
    ];
    await report(1, { records });

    const { deployments } = await ask(deploymentsReply, 'GET', '/api/v1/rollback/history');

    expect(deployments.map(({ record }) => record.id)).toEqual([3, 2]);
  });
});

describe('security patches', () => {
  it('name the instances that run an affected version', async () => {
    await publishRelease();
    await publishAdvisories(advisoryOf('FL-2026-0001'));
    await report(1);

    const { patches } = await ask(patchesReply, 'GET', '/api/v1/security/patches');

    expect(patches).toMatchObject([
      { advisory: { id: 'FL-2026-0001' }, exposed: [{ instance, component: 'core/auth', version: '1.0.0' }] },
    ]);
  });

  it.each([
    ['withdrawn', { withdrawn: true }],
    ['about other versions', { affected: [{ component: 'core/auth', versions: '>=2.0.0' }] }],
    ['about another component', { affected: [{ component: 'core/api', versions: '*' }] }],
  ])('that are %s expose nobody', async (_what, overrides) => {
    await publishRelease();
    await publishAdvisories(advisoryOf('FL-2026-0001', overrides));
    await report(1);

    const { patches } = await ask(patchesReply, 'GET', '/api/v1/security/patches');

    expect(patches.map(({ exposed }) => exposed)).toEqual([[]]);
  });

  it('are none before anything is published', async () => {
    expect((await ask(patchesReply, 'GET', '/api/v1/security/patches')).patches).toEqual([]);
  });
});

describe('the audit log', () => {
  it('names who did what, and no secret', async () => {
    const made = await ask(enrolmentReply, 'POST', '/api/v1/enrolments', { name: 'customer two' });
    await publishRelease();

    const { entries } = await ask(auditReply, 'GET', '/api/v1/audit');

    const acts = entries.map(({ actor, action }) => `${actor}: ${action}`);
    expect(acts).toContain('token admin: enrolment.created');
    expect(acts).toContain(`instance ${instance}: enrolment.redeemed`);
    expect(acts).toContain('token admin: publication.accepted');
    expect(JSON.stringify(entries)).not.toContain(made.code);
  });
});

describe('redeeming', () => {
  it('from one address is limited', async () => {
    const payload = { code: 'x'.repeat(32), publicKey: 'A'.repeat(43), hostname: 'h', agentVersion: '1' };
    const statuses = new Set<number>();
    for (let i = 0; i < 40; i++) {
      const response = await server.app.inject({ method: 'POST', url: '/api/v1/enrolments/redeem', payload });
      statuses.add(response.statusCode);
    }

    expect([...statuses]).toEqual([403, 429]);
  });
});

async function ask<Schema extends z.ZodType>(
  schema: Schema,
  method: 'GET' | 'POST',
  url: string,
  payload?: object,
): Promise<z.output<Schema>> {
  const headers = await server.bearer('admin');
  const response = await server.app.inject({
    method,
    url,
    headers,
    ...(payload === undefined ? {} : { payload }),
  });
  return parseDocument(schema, response.json(), `the reply of ${url}`);
}

async function publishRelease(): Promise<void> {
  const tree = await addPack(server.store, 'console.log(1)');
  const document = capability('1.0.0', tree);
  await publish(firstPublication(server.context.publisher.onlineKeys));
  const metadata = [['releases', signRole('releases', 2, [document])]] as const;
  await publish(publicationOf(metadata, [document], [changeOf(document, '1.0.0', tree)]));
}

async function publishAdvisories(...documents: readonly ReturnType<typeof advisoryOf>[]): Promise<void> {
  await publish(publicationOf([['security', signRole('security', 2, documents)]], documents));
}

async function publish(payload: object): Promise<void> {
  await ask(z.object({ snapshot: z.number() }), 'POST', '/api/v1/publications', payload);
}
