// Mail out of the outbox: the same messages as webhooks get, at least once, under one Message-ID, through a relay that may be down, slow or wrong.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listDeliveries } from '../../../server/db/deliveries.ts';
import { FAILING_FOR_MS } from '../../../server/db/receivers.ts';
import { findWebhook, modelOf } from '../../../server/db/webhooks.ts';
import { SENDING_LANES } from '../../../server/jobs/kinds.ts';
import { createJobs, type Jobs } from '../../../server/jobs/run.ts';
import type { WebhookModel } from '../../../shared/protocol/webhooks.ts';
import { type MailRelay, startMailRelay, type TakenMail } from '../../support/mail-relay.ts';
import { eventOf, happen, makeWebhook, runOutbox } from '../../support/outbox.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';
import { startReceiver } from '../../support/webhook-receiver.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const QUEUED = Number(process.env.FAIRLEAD_TEST_QUEUED ?? 60);
const OPS = 'mailto:ops@example.com';
const PASSWORD = 'a-password-of-the-relay';
const LOGIN = { user: 'fairlead', password: PASSWORD };
const RETIRED = eventOf('instance.retired', { reason: 'closed' });

let relay: MailRelay;
let server: TestServer;

beforeEach(async () => {
  relay = await startMailRelay({ login: LOGIN });
  const place = { host: '127.0.0.1', port: relay.port, security: 'clear' as const, ca: [] };
  server = await startTestServer(undefined, 'inline', {
    relay: { ...place, login: LOGIN },
    from: 'fairlead@vendor.example',
  });
});
afterEach(async () => {
  await server.close();
  await relay.close();
});

const ask = async (method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, payload?: object, headers = {}) =>
  server.app.inject({
    ...{ method, url: `/api/v1/webhooks${path}`, headers: { ...(await server.bearer('admin')), ...headers } },
    ...(payload === undefined ? {} : { payload }),
  });
const look = async ({ id }: { readonly id: string }): Promise<WebhookModel> =>
  modelOf(server.context.db, await findWebhook(server.context.db, id), server.now);
const deliveries = async ({ id }: { readonly id: string }) =>
  (await listDeliveries(server.context.db, id, { limit: 100, after: null })).entries;
const idOf = ({ headers }: TakenMail) => headers.get('message-id') ?? '';

describe('an alert', () => {
  const ended = (steps: readonly string[]) =>
    eventOf('deployment.ended', {
      steps: [...steps],
      state: 'inconsistent',
      reason: 'update',
      failure: null,
    });

  it('is one mail of plain text, by what it is, with who may answer left out', async () => {
    await makeWebhook(server, OPS, { types: ['alert.deployment-failed'] });
    await happen(server, [ended(['core/auth 1.2.0 → 1.2.1'])]);

    await runOutbox(server);

    expect(relay.taken).toHaveLength(1);
    const [mail] = relay.taken as [TakenMail];
    expect(mail).toMatchObject({ from: 'fairlead@vendor.example', to: 'ops@example.com', user: 'fairlead' });
    expect(Object.fromEntries(mail.headers)).toEqual({
      date: new Date(server.now).toUTCString().replace('GMT', '+0000'),
      from: 'Fairlead <fairlead@vendor.example>',
      to: 'ops@example.com',
      subject: '[Fairlead] critical: deployment-failed: core/auth 1.2.0 → 1.2.1',
      'message-id': expect.stringMatching(/^<msg_[0-9a-f-]{36}@vendor\.example>$/),
      'auto-submitted': 'auto-generated',
      'mime-version': '1.0',
      'content-type': 'text/plain; charset=utf-8',
      'content-transfer-encoding': 'quoted-printable',
    });
    expect(mail.text).toContain('core/auth 1.2.0 → 1.2.1: inconsistent\n');
    expect(mail.text).toContain('Told as on-call by the release server of Fairlead.');
  });

  it('of a thousand installs is told by mail when it is ten times as many', async () => {
    await makeWebhook(server, OPS, { types: ['alert.deployment-failed'] });
    for (const failing of [1, 9, 90]) {
      await happen(
        server,
        Array.from({ length: failing }, () => ended(['core/auth 1.2.1'])),
      );
      await runOutbox(server);
    }

    expect(relay.taken.map(({ headers }) => headers.get('subject'))).toEqual([
      '[Fairlead] critical: deployment-failed: core/auth 1.2.1',
      '[Fairlead] critical: deployment-failed: core/auth 1.2.1 (10 times)',
      '[Fairlead] critical: deployment-failed: core/auth 1.2.1 (100 times)',
    ]);
  });

  it.each([
    ['line breaks', 'a\r\nBcc: everybody@example.com\r\n\r\n<script>'],
    ['a dot alone on its line', '\r\n.\r\nMAIL FROM:<x@example.com>'],
    ['signs that turn text around', 'a\u202eb\u0000\u009bc'],
    ['a megabyte', 'ü'.repeat(1_000_000)],
  ])('about %s is still one mail, of one shape', async (_what, text) => {
    await makeWebhook(server, OPS, { types: ['alert.deployment-failed', 'instance.retired'] });
    await happen(server, [ended([text]), eventOf('instance.retired', { reason: text })]);

    await runOutbox(server);

    expect(relay.taken).toHaveLength(2);
    for (const { raw, headers } of relay.taken) {
      expect([...headers.keys()].sort().join()).toBe(
        'auto-submitted,content-transfer-encoding,content-type,date,from,message-id,mime-version,subject,to',
      );
      expect(headers.get('subject')?.length).toBeLessThanOrEqual(150);
      expect(raw.length).toBeLessThan(30_000);
      expect(raw.split('\r\n').every((line) => /^[ -~\t]{0,998}$/.test(line))).toBe(true);
    }
    expect(relay.heard.filter((line) => line.startsWith('MAIL'))).toHaveLength(2);
  });
});

describe('a relay', () => {
  it('that does not take a mail gets it again, as the same', async () => {
    await makeWebhook(server, OPS);
    await happen(server, [RETIRED]);
    const ids: string[] = [];
    let isTaken = false;
    relay.answer = (command) => (command === 'MESSAGE' && !isTaken ? '451 4.3.0 not now' : undefined);
    await runOutbox(server);
    ids.push(...(await deliveries(await first())).map(({ message }) => message));
    isTaken = true;
    server.now += MINUTE_MS;

    await runOutbox(server);

    expect(relay.taken.map(idOf)).toEqual(ids.map((id) => `<${id}@vendor.example>`));
    expect((await deliveries(await first()))[0]).toMatchObject({
      state: 'delivered',
      attempts: 2,
      status: 250,
    });
  });

  it('that is down for an hour loses nothing, and gets nothing twice', { timeout: 600_000 }, async () => {
    const webhook = await makeWebhook(server, OPS);
    const { port } = relay;
    await relay.close();
    await happen(
      server,
      Array.from({ length: QUEUED }, () => RETIRED),
    );
    for (let minute = 0; minute < 60; minute++) {
      await runOutbox(server);
      server.now += MINUTE_MS;
    }
    expect(await look(webhook)).toMatchObject({ waiting: QUEUED, failing_since: expect.any(String) });

    relay = await startMailRelay({ login: LOGIN }, port);
    const began = performance.now();
    for (let run = 0; run < 200 && relay.taken.length < QUEUED; run++) {
      server.now += MINUTE_MS;
      await runOutbox(server);
    }

    if (QUEUED > 1_000) console.log(`${QUEUED} mails in ${Math.round(performance.now() - began)} ms`);
    expect(new Set(relay.taken.map(idOf)).size).toBe(QUEUED);
    expect(relay.taken).toHaveLength(QUEUED);
    expect(await look(webhook)).toMatchObject({ waiting: 0, failing_since: null, dropped: 0 });
  });

  it('that refuses a mail for good is not asked again, and takes the others; somebody may send it again', async () => {
    const webhook = await makeWebhook(server, OPS, { types: ['instance.retired', 'instance.isolated'] });
    await happen(server, [RETIRED, eventOf('instance.isolated')]);
    let refused = 0;
    relay.answer = (command) => (command === 'MESSAGE' && refused++ === 0 ? '554 5.6.0 not that' : undefined);
    for (let i = 0; i < 3; i++) {
      await runOutbox(server);
      server.now += MINUTE_MS;
    }

    const [last, over] = await deliveries(webhook);
    if (last === undefined || over === undefined) throw new Error('both were tried');
    expect([last.state, over.state]).toEqual(['delivered', 'given-up']);
    expect(over).toMatchObject({ attempts: 1, status: 554, problem: 'it answers 554 5.6.0 to DATA' });
    expect(await look(webhook)).toMatchObject({ waiting: 0, dropped: 1 });

    await ask('POST', `/${webhook.id}/deliveries/${over.id}/redeliver`);
    await runOutbox(server);

    expect(relay.taken.map(idOf)).toContain(`<${over.message}@vendor.example>`);
  });

  it.each(['', '{', '[[[[', 'null', '"words"', '{"type":5}', '\\u0000'])(
    'is asked for the others where a row of the outbox holds %j, and that is given up',
    async (body) => {
      const webhook = await makeWebhook(server, OPS, { types: ['instance.retired', 'instance.isolated'] });
      await happen(server, [RETIRED, eventOf('instance.isolated')]);
      relay.answer = () => '451 4.0.0 not now';
      await runOutbox(server);
      const [, first] = await deliveries(webhook);
      await server.context.db
        .updateTable('deliveries')
        .set({ body })
        .where('id', '=', first?.id ?? 0)
        .execute();
      relay.answer = () => undefined;
      for (let i = 0; i < 3; i++) {
        server.now += MINUTE_MS;
        await runOutbox(server);
      }

      expect((await deliveries(webhook)).map(({ state }) => state)).toEqual(['delivered', 'given-up']);
      expect(await look(webhook)).toMatchObject({ enabled: true, waiting: 0 });
    },
  );

  const failFor = async (command: string, answer: string) => {
    relay.answer = (heard) => (heard === command ? answer : undefined);
    for (let passed = 0; passed <= FAILING_FOR_MS + DAY_MS; passed += DAY_MS / 2) {
      await happen(server, [RETIRED]);
      await runOutbox(server);
      server.now += DAY_MS / 2;
    }
    await runOutbox(server);
  };

  it('that turns an address away for five days is asked no more, and somebody hears of it', async () => {
    const webhook = await makeWebhook(server, OPS);
    const pager = await startReceiver();
    await makeWebhook(server, pager.url, { name: 'pager', types: ['webhook.disabled'] });
    await failFor('RCPT', '550 5.1.1 nobody here');

    expect(await look(webhook)).toMatchObject({ enabled: false, disabled_why: expect.any(String) });
    expect(pager.taken).toHaveLength(1);
    await pager.close();
  });

  it.each([
    ['LOGIN', '535 5.7.8 the password has expired'],
    ['MAIL', '451 no'],
    ['RCPT', '554 5.7.1 Relay access denied'],
  ])(
    'that fails by itself for days at %s disables nobody, and what happens then arrives once it is mended',
    async (command, answer) => {
      const webhook = await makeWebhook(server, OPS);
      await failFor(command, answer);
      expect(await look(webhook)).toMatchObject({ enabled: true, failing_since: expect.any(String) });

      relay.answer = () => undefined;
      server.now += DAY_MS;
      await runOutbox(server);

      expect(relay.taken.length).toBeGreaterThan(3);
      expect(await look(webhook)).toMatchObject({ failing_since: null, waiting: 0 });
    },
  );

  it('that hangs keeps no webhook waiting, and no server from ending', async () => {
    await makeWebhook(server, OPS);
    const pager = await startReceiver();
    await makeWebhook(server, pager.url, { name: 'pager' });
    await happen(server, [RETIRED]);
    relay.answer = (command) => (command === 'MESSAGE' ? null : undefined);
    const stopping = new AbortController();
    const running = runOutbox(server, stopping.signal);
    await expect.poll(() => pager.taken.length).toBe(1);
    const began = performance.now();
    stopping.abort();
    await running;

    expect(performance.now() - began).toBeLessThan(2_000);
    expect(relay.taken).toEqual([]);
    await pager.close();
  });

  it('that hangs has no lane of a pager’s, however many are told by mail', async () => {
    for (let i = 0; i < 12; i++)
      await makeWebhook(server, `mailto:ops${i}@example.com`, { name: `ops ${i}` });
    const pager = await startReceiver();
    await makeWebhook(server, pager.url, { name: 'pager' });
    await happen(server, [RETIRED]);
    relay.answer = (command) => (command === 'CONNECT' ? null : undefined);
    const lanes: Jobs[] = [];
    for (const kinds of SENDING_LANES) lanes.push(await createJobs(server.context, kinds));
    const look = () => {
      server.now += MINUTE_MS;
      for (const lane of lanes) void lane.look();
    };
    look();
    await expect.poll(() => pager.taken.length).toBe(1);
    look();
    await expect.poll(() => relay.open.size).toBe(2);
    await happen(server, [RETIRED]);
    await expect
      .poll(() => {
        look();
        return pager.taken.length;
      })
      .toBe(2);

    expect(relay.open.size).toBe(2);
    await Promise.all(lanes.map((lane) => lane.stop()));
    await pager.close();
  });

  it('that answers rubbish breaks nothing', async () => {
    const webhook = await makeWebhook(server, OPS);
    await happen(server, [RETIRED]);
    for (const text of ['99999999999999999999 ok', '250', '\u0000\u00ff', `550 ${'x'.repeat(100_000)}`]) {
      relay.answer = (command) => (command === 'MAIL' ? text : undefined);
      await runOutbox(server);
      server.now += DAY_MS / 12;
    }
    relay.answer = () => undefined;
    await runOutbox(server);

    expect((await look(webhook)).enabled).toBe(true);
    expect(relay.taken.length).toBeGreaterThan(0);
  });

  const first = async () => (await ask('GET', '')).json().webhooks[0];
});

describe('who is told by mail', () => {
  it('is made without a secret, tried, changed to an address and back, and removed', async () => {
    const made = await makeWebhook(server, OPS);
    const tested = await ask('POST', `/${made.id}/test`);
    const rotated = await ask('POST', `/${made.id}/rotate`, {});
    const moved = await ask(
      'PUT',
      `/${made.id}`,
      { name: 'on-call', url: 'mailto:night@example.com', types: ['instance.retired'] },
      { 'if-match': '*' },
    );

    expect(made).not.toHaveProperty('secret');
    expect(tested.json()).toMatchObject({ delivered: true, status: 250, problem: null });
    expect(relay.taken.map(({ headers }) => headers.get('subject'))).toEqual(['[Fairlead] test']);
    expect([rotated.statusCode, rotated.json().code]).toEqual([409, 'webhook/unsigned']);
    expect(moved.json().url).toBe('mailto:night@example.com');
    expect((await ask('DELETE', `/${made.id}`, undefined, { 'if-match': '*' })).statusCode).toBe(204);
    const audit = await server.context.db.selectFrom('audit').select('details').execute();
    expect(JSON.stringify(audit)).toContain('night@example.com');
  });

  it.each([
    'mailto:',
    'mailto:ops',
    'mailto:ops@example.com?bcc=x@example.com',
    'mailto:ops@example.com,x@example.com',
    'mailto:"a b"@example.com',
    'mailto:ops@example.com\r\nRCPT TO:<x@example.com>',
    'mailto:ops%40example.com',
    'mailto:ops@[127.0.0.1]',
    'mailto:<ops@example.com>',
    `mailto:${'a'.repeat(300)}@example.com`,
    'MAILTO:ops@',
  ])('is one address, which %j is not', async (url) => {
    const response = await ask('POST', '', { name: 'on-call', url });

    expect([response.statusCode, response.json().code]).toEqual([422, 'webhook/address-refused']);
  });

  it('is nobody where the server has no relay, and what was made before says so', async () => {
    const webhook = await makeWebhook(server, OPS);
    await happen(server, [RETIRED]);
    server = await server.restart();

    const refused = await ask('POST', '', { name: 'other', url: OPS });
    const tested = await ask('POST', `/${webhook.id}/test`);
    await runOutbox(server);
    const { name, types, url } = webhook;
    const change = (to: object) =>
      ask('PUT', `/${webhook.id}`, { name, types, url, ...to }, { 'if-match': '*' });
    const moved = await change({ url: 'mailto:night@example.com' });

    expect([refused.statusCode, refused.json().code]).toEqual([422, 'webhook/address-refused']);
    expect(tested.json()).toMatchObject({ delivered: false, problem: 'this server has no relay for mail' });
    expect((await look(webhook)).waiting).toBe(1);
    expect(moved.json().code).toBe('webhook/address-refused');
    expect((await change({ enabled: false })).json()).toMatchObject({ enabled: false });
    expect((await ask('POST', `/${webhook.id}/test`)).json()).toMatchObject({
      enabled: false,
      disabled_why: null,
    });
  });

  it('sees nothing of what the relay is told, and nobody else does', async () => {
    const webhook = await makeWebhook(server, OPS);
    const shown = Buffer.from(`\0${LOGIN.user}\0${PASSWORD}`).toString('base64');
    relay.answer = (command) => (command === 'LOGIN' ? `535 ${PASSWORD} ${shown}` : undefined);
    await happen(server, [RETIRED]);
    await runOutbox(server);

    const said = JSON.stringify([
      (await ask('POST', `/${webhook.id}/test`)).json(),
      (await ask('GET', '')).json(),
      await deliveries(webhook),
      await server.context.db.selectFrom('audit').selectAll().execute(),
      await server.context.db.selectFrom('deliveries').selectAll().execute(),
    ]);
    expect(said).toContain('it answers 535 to AUTH PLAIN');
    expect(said).not.toContain(PASSWORD);
    expect(said).not.toContain(shown);
  });
});
