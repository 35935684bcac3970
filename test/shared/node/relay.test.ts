// The way to a mail relay: what is sent, over what, with which answer; and relays that lie, hang, flood and strip TLS.
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MOST_RELAY_BYTES, openRelay, type Posted, type RelayWay } from '../../../shared/node/relay.ts';
import type { Mail } from '../../../shared/protocol/mail.ts';
import type { Relay } from '../../../shared/schema/mail.ts';
import { type Company, foundCompany } from '../../support/certificates.ts';
import { type MailRelay, type MailRelayOptions, startMailRelay } from '../../support/mail-relay.ts';
import { readSources } from '../../support/source-tree.ts';

const LOGIN = { user: 'fairlead', password: 'correct horse battery staple' };
const MAIL: Mail = {
  ...{ from: 'fairlead@vendor.example', to: 'ops@example.com', id: 'msg_1' },
  ...{ at: Date.parse('2026-11-29T12:00:00Z'), subject: 'a rollback', text: 'core/auth went back' },
};

let company: Company;
let relay: MailRelay;
let ways: RelayWay[] = [];

beforeAll(() => {
  company = foundCompany();
  company.sign('relay', 'DNS:localhost,IP:127.0.0.1');
  company.sign('other', 'DNS:other.example');
  company.sign('over', 'DNS:localhost,IP:127.0.0.1', -1);
});
afterAll(() => company.remove());
afterEach(async () => {
  for (const way of ways) way.close();
  ways = [];
  await relay.close();
});

const tlsOf = (name: string) => ({ cert: company.pem(`${name}.pem`), key: company.pem(`${name}.key`) });

/** One that waits as long as the test says, for a relay as `options` has it. */
async function open(options: MailRelayOptions, more: Partial<Relay> = {}, postMs = 5_000): Promise<RelayWay> {
  relay = await startMailRelay(options);
  const place = { host: '127.0.0.1', port: relay.port, security: 'starttls' as const };
  const way = openRelay({ ...place, login: null, ca: [company.pem('ca.pem')], ...more }, postMs);
  ways.push(way);
  return way;
}

const CLEAR = { security: 'clear' } as const;
const arrived: Posted = { verdict: 'arrived', status: 250, problem: null };

describe('a mail', () => {
  it.each([
    ['after STARTTLS', 'starttls', false],
    ['over TLS from the first byte on', 'tls', true],
  ] as const)('goes out %s, with a login', async (_how, security, isImplicit) => {
    const way = await open({ tls: tlsOf('relay'), isImplicit, login: LOGIN }, { security, login: LOGIN });

    expect(await way.send(MAIL)).toEqual(arrived);

    expect(relay.taken).toMatchObject([
      { from: MAIL.from, to: MAIL.to, user: 'fairlead', isSecure: true, text: 'core/auth went back\n' },
    ]);
    const said = relay.heard.indexOf('STARTTLS');
    expect(relay.heard.findIndex((one) => one.startsWith('AUTH'))).toBeGreaterThan(said);
  });

  it('goes in the clear where the operator says so, though TLS is offered', async () => {
    const way = await open({ tls: tlsOf('other') }, CLEAR);

    expect(await way.send(MAIL)).toEqual(arrived);
    expect(relay.taken).toMatchObject([{ isSecure: false, user: null }]);
  });

  it('and the next ones share a connection, one after the other', async () => {
    const way = await open({}, CLEAR);

    const posted = await Promise.all([1, 2, 3].map((i) => way.send({ ...MAIL, id: `msg_${i}` })));

    expect(posted).toEqual([arrived, arrived, arrived]);
    expect(relay.heard.filter((one) => one.startsWith('EHLO'))).toHaveLength(1);
    expect(relay.taken.map(({ headers }) => headers.get('message-id'))).toEqual(
      [1, 2, 3].map((i) => `<msg_${i}@vendor.example>`),
    );
  });

  it('goes over a new connection where the relay closed the one before', async () => {
    const way = await open({}, CLEAR);
    await way.send(MAIL);
    for (const socket of relay.open) socket.destroy();
    await expect.poll(() => relay.open.size).toBe(0);

    const [first, second] = [await way.send(MAIL), await way.send(MAIL)];

    expect([first, second]).toContainEqual(arrived);
    expect(second).toEqual(arrived);
  });
});

describe('an answer', () => {
  it.each<readonly [string, string, Posted['verdict'], number]>([
    ['RCPT', '550 5.1.1 nobody here', 'refused', 550],
    ['RCPT', '451 4.7.1 come again', 'again', 451],
    ['DATA', '554 5.6.0 no', 'refused', 554],
    ['MESSAGE', '554 5.6.1 not that kind', 'refused', 554],
    ['RCPT', '550-5.2.1 closed\r\n550 5.2.1 for good', 'refused', 550],
    ['RCPT', '550 nobody here', 'refused', 550],
    ['MESSAGE', '452 4.3.1 no room', 'again', 452],
    // Of us or of the relay, and not of the mail: somebody mends it, or tomorrow is another day.
    ['MESSAGE', '550 5.4.5 Daily user sending limit exceeded', 'again', 550],
    ['MESSAGE', '550 5.7.60 Client does not have permissions to send as this sender', 'again', 550],
    ['MESSAGE', '552 5.3.4 too much', 'again', 552],
    ['MESSAGE', '554 no', 'again', 554],
    ['RCPT', '554 5.7.1 Relay access denied', 'again', 554],
    ['RCPT', '530 5.7.0 Must issue STARTTLS', 'again', 530],
    ['RCPT', '530 who are you', 'again', 530],
    ['RCPT', '550 5.1.0 Sender address rejected: User unknown', 'again', 550],
    ['RCPT', '550 5.1.8 Sender address rejected: Domain not found', 'again', 550],
    ['MAIL', '553 5.7.1 you are not that sender', 'again', 553],
    ['CONNECT', '554 5.7.0 no service', 'again', 554],
    ['CONNECT', '421 4.3.2 closing', 'again', 421],
    ['EHLO', '502 what', 'again', 502],
  ])('to %s of %s means %s', async (command, text, verdict, status) => {
    const way = await open({}, command === 'EHLO' ? {} : CLEAR);
    relay.answer = (heard) => (heard === command ? text : undefined);

    expect(await way.send(MAIL)).toMatchObject({ verdict, status });
    relay.answer = () => undefined;
    expect(relay.taken).toEqual([]);
    if (command !== 'EHLO') expect(await way.send(MAIL)).toEqual(arrived);
  });

  it('says no word of the relay’s, and no word of ours that is secret', async () => {
    const way = await open({ tls: tlsOf('relay'), login: { ...LOGIN, password: 'other' } }, { login: LOGIN });
    const shown = Buffer.from(`\0${LOGIN.user}\0${LOGIN.password}`).toString('base64');
    relay.answer = (heard) =>
      heard === 'LOGIN' ? `535 5.7.8 ${LOGIN.password} ${shown} \u001b[2J` : undefined;

    const posted = await way.send(MAIL);

    expect(posted).toEqual({
      ...{ verdict: 'again', status: 535, problem: 'it answers 535 5.7.8 to AUTH PLAIN' },
    });
  });

  it('that is a number which no answer has is rubbish, and no status', async () => {
    const way = await open({}, CLEAR);
    for (const text of ['99999999999999999999 hello', '999 hello', '-1', 'SSH-2.0-OpenSSH', '\u0000\u00ff']) {
      relay.answer = (heard) => (heard === 'CONNECT' ? text : undefined);

      expect(await way.send(MAIL)).toMatchObject({ verdict: 'again', status: null });
    }
  });
});

describe('nothing is said without TLS', () => {
  const secrets = () => [...relay.heard, ...relay.taken.map(({ raw }) => raw)].join('\n');

  it.each<readonly [string, MailRelayOptions, (heard: string) => string | undefined]>([
    ['that does not offer STARTTLS', {}, () => undefined],
    ['that refuses it', {}, (heard) => (heard === 'STARTTLS' ? '454 not now' : undefined)],
    [
      'whose offer somebody took out',
      { login: LOGIN },
      (heard) => (heard === 'EHLO' ? '250-relay\r\n250 AUTH PLAIN' : undefined),
    ],
    [
      'that says yes and speaks on in the clear',
      {},
      (heard) => (heard === 'STARTTLS' ? '220 ok' : undefined),
    ],
  ])('to a relay %s', async (_what, options, answer) => {
    const way = await open(options, { login: LOGIN }, 500);
    relay.answer = answer;

    expect((await way.send(MAIL)).verdict).toBe('again');
    expect(relay.taken).toEqual([]);
    expect(secrets()).not.toMatch(/AUTH|MAIL FROM|rollback/);
  });

  it.each([
    ['of another name', 'other', undefined],
    ['that has ended', 'over', undefined],
    ['of an authority that nobody named', 'relay', []],
  ] as const)('to a relay with a certificate %s', async (_what, name, ca) => {
    for (const security of ['starttls', 'tls'] as const) {
      const more = { security, login: LOGIN, ...(ca === undefined ? {} : { ca }) };
      const way = await open({ tls: tlsOf(name), isImplicit: security === 'tls', login: LOGIN }, more);

      const posted = await way.send(MAIL);

      expect(posted).toMatchObject({ verdict: 'again', status: null });
      expect(posted.problem).toMatch(/^no connection: (?:ERR_TLS|CERT_|UNABLE_|SELF_SIGNED|DEPTH_)/);
      expect(secrets()).not.toMatch(/AUTH|MAIL FROM|rollback/);
      if (security === 'starttls') await relay.close();
    }
  });
});

describe('a relay that', () => {
  const endless = (socket: Socket, piece: string) => {
    const more = () => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on('drain', more);
    more();
    return null;
  };

  it.each<readonly [string, string]>([
    ['answers', 'CONNECT'],
    ['greets', 'EHLO'],
    ['takes a mail', 'MESSAGE'],
  ])('never %s is given up in time', async (_what, command) => {
    const way = await open({}, CLEAR, 300);
    relay.answer = (heard) => (heard === command ? null : undefined);
    const began = performance.now();

    expect(await way.send(MAIL)).toEqual({
      verdict: 'again',
      status: null,
      problem: 'no answer within 0.3 s',
    });
    expect(performance.now() - began).toBeLessThan(3_000);
    await expect.poll(() => relay.open.size).toBe(0);
  });

  it.each<readonly [string, string]>([
    ['a line without end', 'x'.repeat(4_096)],
    ['an answer without end', '220-still here\r\n'.repeat(200)],
    ['empty lines without end', '\r\n'.repeat(4_096)],
    ['rubbish without end', '\u0000\u0001\r\n'.repeat(500)],
  ])('says %s is cut off', async (_what, piece) => {
    const way = await open({}, CLEAR, 5_000);
    let sent = 0;
    relay.answer = (heard, socket) => {
      if (heard !== 'CONNECT') return undefined;
      socket.on('close', () => {
        sent = socket.bytesWritten;
      });
      return endless(socket, piece);
    };
    const began = performance.now();

    expect((await way.send(MAIL)).verdict).toBe('again');
    expect(performance.now() - began).toBeLessThan(2_000);
    await expect.poll(() => relay.open.size).toBe(0);
    // What the kernel holds for both sides is on top.
    expect(sent).toBeLessThan(MOST_RELAY_BYTES + 64 * 2 ** 20);
  });

  it('says empty lines without end behind TLS is cut off', async () => {
    const way = await open({ tls: tlsOf('relay') });
    relay.answer = (heard, socket) =>
      heard === 'MESSAGE' ? endless(socket, '\r\n'.repeat(4_096)) : undefined;
    const began = performance.now();

    expect((await way.send(MAIL)).verdict).toBe('again');
    expect(performance.now() - began).toBeLessThan(2_000);
    await expect.poll(() => relay.open.size).toBe(0);
  });

  it('says a byte now and then is given up in time', async () => {
    const way = await open({}, CLEAR, 400);
    relay.answer = (heard, socket) => {
      if (heard !== 'CONNECT') return undefined;
      const drip = setInterval(() => socket.write('2'), 20);
      socket.on('close', () => clearInterval(drip));
      return null;
    };

    expect((await way.send(MAIL)).problem).toBe('no answer within 0.4 s');
  });

  it('is not there is no connection', async () => {
    const way = await open({}, CLEAR);
    await relay.close();

    expect(await way.send(MAIL)).toEqual({
      ...{ verdict: 'again', status: null, problem: 'no connection: ECONNREFUSED' },
    });
  });
});

it('what speaks SMTP is loaded by nobody who sends no mail', () => {
  const loading = readSources('shared', 'agent', 'server').filter(({ text }) =>
    /^import (?!type\b)[^;]*'nodemailer/m.test(text),
  );

  expect(loading.map(({ path }) => path)).toEqual([]);
});
