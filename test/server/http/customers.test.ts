// Customers: what is theirs they see, what is another's they do not, on any route and in any way of asking.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROUTES } from '../../../server/http/all-routes.ts';
import { customerModel, customersList } from '../../../shared/protocol/customers.ts';
import { instancesReply, tokenReply } from '../../../shared/protocol/fleet.ts';
import { deploymentsList } from '../../../shared/protocol/fleet-proposals.ts';
import { advisoryOf } from '../../support/publications.ts';
import { publishVersions } from '../../support/published-versions.ts';
import { recordOf } from '../../support/reports.ts';
import { enrolAgent, type ServerAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

/** Stands in everything that is the other customer's. */
const CANARY = 'Albatross';

let server: TestServer;
let own: ServerAgent;
let foreign: ServerAgent;
let customer: { readonly id: string; readonly etag: string };
let headers: { readonly authorization: string };

beforeEach(async () => {
  server = await startTestServer();
  own = await enrolAgent(server, 'Harbour one');
  foreign = await enrolAgent(server, `${CANARY} one`);
  for (const agent of [own, foreign]) await agent.report(1, { records: [recordOf(1, 'committed')] });
  customer = await create('Harbour hospitals');
  const other = await create(`${CANARY} clinics`);
  customer = await give(customer, [own.instance]);
  await give(other, [foreign.instance]);
  headers = { authorization: `Bearer ${await tokenOf(customer.id)}` };
});
afterEach(() => server.close());

type Role = 'operator' | 'admin' | 'viewer';

async function ask(role: Role, method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, sent: object = {}) {
  const { payload, ...more } = sent as { readonly payload?: object };
  return server.app.inject({
    ...{ method, url: `/api/v1/${path}`, headers: { ...(await server.bearer(role)), ...more } },
    ...(payload === undefined ? {} : { payload }),
  });
}

async function create(name: string): Promise<{ readonly id: string; readonly etag: string }> {
  const response = await ask('operator', 'POST', 'customers', { payload: { name } });
  return { id: customerModel.parse(response.json()).id, etag: String(response.headers.etag) };
}

async function give({ id, etag }: typeof customer, instances: readonly string[], name?: string) {
  const called = name ?? customerModel.parse((await ask('viewer', 'GET', `customers/${id}`)).json()).name;
  const payload = { name: called, instances };
  const response = await ask('operator', 'PUT', `customers/${id}`, { payload, 'if-match': etag });
  expect([response.statusCode, response.body]).toEqual([200, expect.any(String)]);
  return { id, etag: String(response.headers.etag) };
}

async function tokenOf(id: string): Promise<string> {
  const payload = { name: 'portal', role: 'viewer', validFor: 'P30D', customer: id };
  return tokenReply.parse((await ask('admin', 'POST', 'tokens', { payload })).json()).token;
}

const seen = (url: string) => server.app.inject({ url: `/api/v1/${url}`, headers });

describe('a token of a customer', () => {
  it('sees its own instances and deployments', async () => {
    const list = instancesReply.parse((await seen('instances')).json());
    const deployments = deploymentsList.parse((await seen('deployments')).json());

    expect(list.instances.map(({ id, customer: of }) => [id, of])).toEqual([[own.instance, customer.id]]);
    expect(deployments.deployments.map((one) => one.instance_id)).toEqual([own.instance]);
    expect((await seen(`instances/${own.instance}`)).statusCode).toBe(200);
  });

  it.each(
    ROUTES.map(({ method, path, access, ofCustomers }) => ({
      route: `${method} ${path}`,
      method,
      path,
      access,
      ofCustomers,
    })),
  )(
    'on $route is refused, or told nothing of another customer',
    async ({ method, path, access, ofCustomers }) => {
      const foreignId = path.includes('deployments/:id') ? `${foreign.instance}-1` : foreign.instance;
      const url = path.replace(/:\w+/g, foreignId).replace('*', 'x');
      const queries =
        ofCustomers === true ? ['', `?instance=${foreign.instance}`, `?named=${CANARY}%20one`] : [''];
      for (const query of queries) {
        const response = await server.app.inject({ method, url: `${url}${query}`, headers });

        if (Array.isArray(access) && ofCustomers !== true) {
          expect(response.statusCode).toBe(403);
          if (method !== 'HEAD') expect(response.json().code).toMatch(/^auth/);
        }
        expect(response.body).not.toContain(CANARY);
        if (access !== 'public') expect(response.body).not.toContain(`"${foreign.instance}"`);
      }
    },
  );

  it('is told of an instance of another customer what it is told of one that never was', async () => {
    const never = '00000000-0000-4000-8000-00000000dead';
    const answers = [foreign.instance, never].map(async (id) =>
      (await seen(`instances/${id}`)).body.replaceAll(id, ''),
    );

    const [known, unknown] = await Promise.all(answers);

    expect(known).toBe(unknown);
  });

  it('cannot ask for another customer’s list by its id', async () => {
    const others = customersList.parse((await ask('viewer', 'GET', 'customers')).json()).customers;
    const other = others.find(({ id }) => id !== customer.id)?.id;

    const list = instancesReply.parse((await seen(`instances?customer=${other}`)).json());

    expect(list.instances.map(({ id }) => id)).toEqual([own.instance]);
  });

  it('goes on being that customer’s when it gets a new text', async () => {
    const { tokens } = (await ask('admin', 'GET', 'tokens')).json();
    const { id } = tokens.find((one: { readonly customer?: string }) => one.customer === customer.id);
    const payload = { validFor: 'P30D', overlap: 'PT1H' };
    const fresh = tokenReply.parse((await ask('admin', 'POST', `tokens/${id}/rotate`, { payload })).json());
    headers = { authorization: `Bearer ${fresh.token}` };

    expect(fresh.customer).toBe(customer.id);
    expect((await seen('tokens')).statusCode).toBe(403);
    expect(instancesReply.parse((await seen('instances')).json()).instances).toHaveLength(1);
  });

  it('reads advisories and versions, counted over its own instances', async () => {
    await publishVersions(server, ['1.0.0', '1.0.1'], [advisoryOf('FL-2026-0001')]);

    const { versions } = (await seen('versions')).json();
    const list = (await seen('security/patches')).json().patches;
    const one = (await seen('security/patches/FL-2026-0001')).json();
    const all = (await ask('viewer', 'GET', 'security/patches/FL-2026-0001')).json();

    expect(versions).toMatchObject([
      { version: '1.0.1', instances: 0 },
      { version: '1.0.0', instances: 1 },
    ]);
    expect([list[0].exposedCount, one.exposedCount, all.exposedCount]).toEqual([1, 1, 2]);
    for (const { exposed } of [list[0], one]) {
      expect(exposed).toMatchObject([{ instance: own.instance, name: 'Harbour one' }]);
    }
  });

  it('may only look', async () => {
    const payload = { name: 'x', role: 'admin', validFor: 'P1D', customer: customer.id };

    const response = await ask('admin', 'POST', 'tokens', { payload });

    expect([response.statusCode, response.body]).toEqual([400, expect.stringContaining('role')]);
  });
});

describe('a customer', () => {
  it('gets the instances whose codes named it', async () => {
    const third = await enrolAgent(server, 'Harbour two', { customer: customer.id });

    const list = instancesReply.parse((await seen('instances')).json());

    expect(list.instances.map(({ id }) => id)).toEqual([own.instance, third.instance]);
  });

  it('takes no instance that is another’s, and none that never was', async () => {
    const never = '00000000-0000-4000-8000-00000000dead';
    const codes = [];
    for (const id of [foreign.instance, never]) {
      const payload = { name: 'Harbour hospitals', instances: [own.instance, id] };
      codes.push(
        (
          await ask('operator', 'PUT', `customers/${customer.id}`, { payload, 'if-match': customer.etag })
        ).json().code,
      );
    }

    expect(codes).toEqual(['customer/owned', 'request/not-found']);
    expect(instancesReply.parse((await seen('instances')).json()).instances).toHaveLength(1);
  });

  it.each([
    ['the same name as another', { name: `${CANARY} clinics`, instances: [] }, 'name/taken'],
    ['no name', { name: '', instances: [] }, 'document/invalid'],
  ])('cannot be given %s', async (_what, payload, code) => {
    const response = await ask('operator', 'PUT', `customers/${customer.id}`, {
      payload,
      'if-match': customer.etag,
    });

    expect(response.json().code).toBe(code);
  });

  it('is changed and removed only as it is now', async () => {
    const payload = { name: 'x', instances: [] };
    const codes = [];
    for (const method of ['PUT', 'DELETE'] as const) {
      for (const etag of [undefined, '"99"']) {
        const condition = etag === undefined ? {} : { 'if-match': etag };
        const body = method === 'PUT' ? { payload } : {};
        codes.push(
          (await ask('operator', method, `customers/${customer.id}`, { ...body, ...condition })).statusCode,
        );
      }
    }

    expect(codes).toEqual([428, 412, 428, 412]);
  });

  it('goes only without instances, and its tokens and unused codes go with it', async () => {
    const { code } = (
      await ask('operator', 'POST', 'enrolments', { payload: { name: 'later', customer: customer.id } })
    ).json();
    const remove = (etag: string) =>
      ask('operator', 'DELETE', `customers/${customer.id}`, { 'if-match': etag });
    const early = await remove(customer.etag);
    const { etag } = await give(customer, []);

    const statuses = [early.statusCode, (await remove(etag)).statusCode];
    const redeemed = await server.app.inject({
      method: 'POST',
      url: '/api/v1/enrolments/redeem',
      payload: {
        code,
        publicKey: Buffer.alloc(32, 1).toString('base64url'),
        hostname: 'h',
        agentVersion: '1.0.0',
      },
    });

    expect(statuses).toEqual([409, 204]);
    expect((await seen('instances')).statusCode).toBe(401);
    expect(redeemed.json().code).toBe('enrolment/code-refused');
  });

  it('is needed for its token and its code', async () => {
    const payload = { name: 'x', customer: '00000000-0000-4000-8000-00000000dead' };
    const token = { ...payload, role: 'viewer', validFor: 'P1D' };

    expect((await ask('operator', 'POST', 'enrolments', { payload })).statusCode).toBe(404);
    expect((await ask('admin', 'POST', 'tokens', { payload: token })).statusCode).toBe(404);
  });
});
