// The outbox: what happened reaches every webhook that wants it at least once, under one id, whoever is down, slow, gone or wrong.
import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listAlerts } from '../../../server/db/alerts.ts';
import { FAILING_FOR_MS, LONGEST_REST_MS } from '../../../server/db/receivers.ts';
import { findWebhook, modelOf } from '../../../server/db/webhooks.ts';
import { signatureHeaders } from '../../../shared/protocol/standard-webhooks.ts';
import type { WebhookMade, WebhookModel } from '../../../shared/protocol/webhooks.ts';
import { eventOf, happen, makeWebhook, runOutbox } from '../../support/outbox.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';
import { type Heard, type Receiver, sendAfterAnHour, startReceiver } from '../../support/webhook-receiver.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** `FAIRLEAD_TEST_QUEUED=10000` measures a long queue, and prints how long it took. */
const QUEUED = Number(process.env.FAIRLEAD_TEST_QUEUED ?? 150);
const RETIRED = eventOf('instance.retired', { reason: 'closed' });

let server: TestServer;
let receiver: Receiver;

beforeEach(async () => {
  server = await startTestServer();
  receiver = await startReceiver();
});
afterEach(async () => {
  await receiver.close();
  await server.close();
});

const ask = async (method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, payload?: object, headers = {}) =>
  server.app.inject({
    ...{ method, url: `/api/v1/webhooks${path}`, headers: { ...(await server.bearer('admin')), ...headers } },
    ...(payload === undefined ? {} : { payload }),
  });
const look = async ({ id }: WebhookMade): Promise<WebhookModel> =>
  modelOf(server.context.db, await findWebhook(server.context.db, id), server.now);

/** As the specification says, and by none of the product’s code. */
function signs({ headers, body }: Heard, secret: string): boolean {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const wanted = `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
  return String(headers['webhook-signature']).split(' ').includes(wanted);
}

describe('a signature', () => {
  it('is the one that the libraries of Standard Webhooks make', () => {
    const message = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: 1_614_265_330,
      body: '{"test": 2432232314}',
    };

    const headers = signatureHeaders(message, ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']);

    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });
});

describe('an event', () => {
  it('reaches a webhook that wants it, signed, with what happened', async () => {
    const webhook = await makeWebhook(server, receiver.url);
    await happen(server, [RETIRED, eventOf('instance.isolated')]);

    await runOutbox(server);

    const [heard] = receiver.heard as [Heard];
    expect(receiver.heard).toHaveLength(1);
    expect(signs(heard, webhook.secret)).toBe(true);
    expect(Number(heard.headers['webhook-timestamp'])).toBe(Math.floor(server.now / 1000));
    expect(JSON.parse(heard.body)).toMatchObject({
      type: 'instance.retired',
      timestamp: expect.any(String),
      data: { kind: 'instance.retired', text: 'retired: closed', details: { reason: 'closed' } },
    });
  });

  it('is told once to each, however often it is looked', async () => {
    const other = await startReceiver();
    await makeWebhook(server, receiver.url);
    await makeWebhook(server, other.url, { name: 'other' });
    await happen(server, [RETIRED]);

    for (let i = 0; i < 3; i++) await runOutbox(server);

    expect([receiver.heard.length, other.heard.length]).toEqual([1, 1]);
    expect(receiver.heard[0]?.id).not.toBe(other.heard[0]?.id);
    await other.close();
  });

  it('waits for nobody who is disabled', async () => {
    const webhook = await makeWebhook(server, receiver.url);
    const { name, url, types } = webhook;
    const off = await ask(
      'PUT',
      `/${webhook.id}`,
      { name, url, types, enabled: false },
      { 'if-match': '"1"' },
    );
    await happen(server, [RETIRED]);
    await runOutbox(server);

    expect([off.json().enabled, receiver.heard, (await look(webhook)).waiting]).toEqual([false, [], 0]);
  });
});

describe('a receiver that does not take a message', () => {
  it('gets the same one again, under the same id', async () => {
    await makeWebhook(server, receiver.url);
    await happen(server, [RETIRED]);
    receiver.answer = () => 500;
    await runOutbox(server);
    receiver.answer = () => 204;
    await runOutbox(server);
    expect(receiver.heard).toHaveLength(1);

    server.now += MINUTE_MS;
    await runOutbox(server);

    const [first, second] = receiver.heard as [Heard, Heard];
    expect([first.id, first.body]).toEqual([second.id, second.body]);
    expect(first.headers['webhook-timestamp']).not.toBe(second.headers['webhook-timestamp']);
  });

  it('and is down for an hour loses nothing, and gets nothing twice', { timeout: 600_000 }, async () => {
    const webhook = await makeWebhook(server, receiver.url);
    for (let told = 0; told < QUEUED; told += 1_000) {
      await happen(
        server,
        Array.from({ length: Math.min(1_000, QUEUED - told) }, () => RETIRED),
      );
    }

    const { arrived, twice, tookMs } = await sendAfterAnHour(server, receiver, QUEUED);

    if (process.env.FAIRLEAD_TEST_QUEUED !== undefined) {
      console.log(`${QUEUED} messages, receiver down for an hour: sent in ${(tookMs / 1_000).toFixed(1)} s`);
    }
    expect([arrived.length, twice]).toEqual([QUEUED, 0]);
    expect(await look(webhook)).toMatchObject({ waiting: 0, dropped: 0, failing_since: null });
  });

  it('is asked with one message now and then while it is down, not with all', async () => {
    await makeWebhook(server, receiver.url);
    await happen(
      server,
      Array.from({ length: 100 }, () => RETIRED),
    );
    receiver.answer = () => 503;

    for (let minute = 0; minute < 60; minute++) {
      await runOutbox(server);
      server.now += MINUTE_MS;
    }

    expect(receiver.heard.length).toBeLessThan(40);
  });

  it('is left alone for as long as it asks', async () => {
    await makeWebhook(server, receiver.url);
    await happen(server, [RETIRED]);
    receiver.answer = (_heard, response) => {
      response.writeHead(429, { 'retry-after': '3600' }).end();
      return null;
    };
    await runOutbox(server);
    receiver.answer = () => 200;

    server.now += 59 * MINUTE_MS;
    await runOutbox(server);
    expect(receiver.taken).toEqual([]);
    server.now += 2 * MINUTE_MS;
    await runOutbox(server);

    expect(receiver.taken).toHaveLength(1);
  });

  it('keeps no other message waiting, and no other receiver', async () => {
    const other = await startReceiver();
    await makeWebhook(server, receiver.url);
    await makeWebhook(server, other.url, { name: 'other' });
    other.answer = () => 500;
    const poison = { ...RETIRED, details: { reason: 'poison' } };
    await happen(server, [poison, ...Array.from({ length: 30 }, () => RETIRED)]);
    receiver.answer = ({ body }) => (body.includes('poison') ? 400 : 200);

    for (let i = 0; i < 4; i++) {
      await runOutbox(server);
      server.now += MINUTE_MS;
    }

    expect(receiver.taken).toHaveLength(30);
    await other.close();
  });

  it('for days is disabled, with an event, an alert and a count of what was dropped', async () => {
    const webhook = await makeWebhook(server, receiver.url);
    await happen(server, [RETIRED]);
    receiver.answer = () => 500;
    for (let passed = 0; passed < FAILING_FOR_MS + DAY_MS; passed += DAY_MS / 4) {
      await runOutbox(server);
      await happen(server, [RETIRED]);
      server.now += DAY_MS / 4;
    }
    await runOutbox(server);

    const found = await look(webhook);
    const { entries: alerts } = await listAlerts(server.context.db, { limit: 100, after: null });
    expect(found).toMatchObject({ enabled: false, waiting: 0 });
    expect(found.disabled_why).toMatch(/^nothing has arrived since /);
    expect(found.dropped).toBeGreaterThan(5);
    expect(alerts).toContainEqual(expect.objectContaining({ kind: 'webhook-disabled', about: 'on-call' }));
  });

  it('because it is gone for good is disabled at once', async () => {
    const webhook = await makeWebhook(server, receiver.url);
    await happen(server, [RETIRED]);
    receiver.answer = () => 410;
    await runOutbox(server);

    expect(await look(webhook)).toMatchObject({ enabled: false, waiting: 0, dropped: 1 });
  });

  it('may be enabled again, and hears what happens from then on', async () => {
    const webhook = await makeWebhook(server, receiver.url);
    await happen(server, [RETIRED]);
    receiver.answer = () => 410;
    await runOutbox(server);
    receiver.answer = () => 200;
    const { name, url, types } = webhook;
    const on = await ask('PUT', `/${webhook.id}`, { name, url, types }, { 'if-match': '"2"' });
    await happen(server, [eventOf('instance.retired', { reason: 'second' })]);
    await runOutbox(server);

    expect(on.json()).toMatchObject({ enabled: true, disabled_why: null, failing_since: null });
    expect(receiver.taken.map(({ body }) => JSON.parse(body).data.details.reason)).toEqual(['second']);
  });
});

describe('a process that ends', () => {
  it('before it wrote down what came of it has another send it again, under the same id', async () => {
    await makeWebhook(server, receiver.url);
    await happen(server, [RETIRED]);
    const stopping = new AbortController();
    receiver.answer = () => {
      stopping.abort();
      return 200;
    };
    await runOutbox(server, stopping.signal);
    server = await server.restart();
    server.now += MINUTE_MS;
    await runOutbox(server);

    expect(receiver.heard).toHaveLength(2);
    expect(new Set(receiver.heard.map(({ id }) => id)).size).toBe(1);
  });

  it('does not wait for a receiver that says nothing', async () => {
    await makeWebhook(server, receiver.url);
    await happen(server, [RETIRED]);
    const stopping = new AbortController();
    receiver.answer = () => {
      setTimeout(() => stopping.abort(), 20);
      return null;
    };
    const began = performance.now();
    await runOutbox(server, stopping.signal);

    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('a secret', () => {
  it('that is rotated signs beside the new one until the overlap is over', async () => {
    const webhook = await makeWebhook(server, receiver.url);
    const rotated: { readonly secret: string } = (
      await ask('POST', `/${webhook.id}/rotate`, { overlap: 'PT1H' })
    ).json();
    await happen(server, [RETIRED]);
    await runOutbox(server);
    server.now += 61 * MINUTE_MS;
    await happen(server, [RETIRED]);
    await runOutbox(server);

    const [during, after] = receiver.heard as [Heard, Heard];
    expect([signs(during, webhook.secret), signs(during, rotated.secret)]).toEqual([true, true]);
    expect([signs(after, webhook.secret), signs(after, rotated.secret)]).toEqual([false, true]);
  });

  it('stands in no row, no list and no log of what was done', async () => {
    const webhook = await makeWebhook(server, receiver.url);
    await ask('POST', `/${webhook.id}/rotate`, {});
    const { db } = server.context;
    const rows = JSON.stringify([
      await db.selectFrom('webhooks').selectAll().execute(),
      await db.selectFrom('audit').selectAll().execute(),
      await db.selectFrom('events').selectAll().execute(),
      (await ask('GET', '')).json(),
    ]);

    expect(rows).toContain(webhook.id);
    expect(rows).not.toContain(webhook.secret.slice('whsec_'.length));
  });
});

describe('a message', () => {
  it('can be looked at and sent once more, under its id', async () => {
    const webhook = await makeWebhook(server, receiver.url);
    await happen(server, [RETIRED]);
    await runOutbox(server);
    const { deliveries } = (await ask('GET', `/${webhook.id}/deliveries`)).json();
    expect(deliveries).toMatchObject([
      { state: 'delivered', status: 200, attempts: 1, type: 'instance.retired' },
    ]);

    const again = await ask('POST', `/${webhook.id}/deliveries/${deliveries[0].id}/redeliver`);
    await runOutbox(server);

    expect(again.json().state).toBe('waiting');
    expect(receiver.heard.map(({ id }) => id)).toEqual([deliveries[0].message, deliveries[0].message]);
  });

  it('of a test goes at once, whatever waits, and says what came of it', async () => {
    const webhook = await makeWebhook(server, receiver.url);
    const good = (await ask('POST', `/${webhook.id}/test`)).json();
    receiver.answer = () => 503;
    const bad = (await ask('POST', `/${webhook.id}/test`)).json();

    expect([good, bad]).toMatchObject([
      { delivered: true, status: 200 },
      { delivered: false, status: 503 },
    ]);
    expect(JSON.parse(receiver.heard[0]?.body ?? '').type).toBe('webhook.test');
    expect(signs(receiver.heard[0] as Heard, webhook.secret)).toBe(true);
  });
});

describe('a webhook', () => {
  it('that is removed takes with it what waits', async () => {
    const webhook = await makeWebhook(server, receiver.url);
    receiver.answer = () => 500;
    await happen(server, [RETIRED]);
    await runOutbox(server);
    const gone = await ask('DELETE', `/${webhook.id}`, undefined, { 'if-match': '*' });
    server.now += LONGEST_REST_MS * 2;
    await runOutbox(server);

    expect([gone.statusCode, receiver.heard.length]).toEqual([204, 1]);
    const left = await server.context.db.selectFrom('deliveries').selectAll().execute();
    expect(left).toEqual([]);
  });

  it.each([
    ['an inner address', { url: 'https://10.0.0.1/' }, 422, 'webhook/address-refused'],
    ['the clear', { url: 'http://receiver.example/' }, 422, 'webhook/address-refused'],
    ['a type that there is not', { types: ['instance.born'] }, 400, 'document/invalid'],
    ['no type', { types: [] }, 400, 'document/invalid'],
    ['a field that there is not', { secret: 'mine' }, 400, 'document/invalid'],
  ])('for %s is refused', async (_what, wanted, status, code) => {
    const response = await ask('POST', '', { name: 'x', url: receiver.url, ...wanted });

    expect([response.statusCode, response.json().error.code]).toEqual([status, code]);
  });

  it('has a name of its own', async () => {
    await makeWebhook(server, receiver.url);
    const second = await ask('POST', '', { name: 'on-call', url: receiver.url });

    expect(second.json().error.code).toBe('name/taken');
  });
});
