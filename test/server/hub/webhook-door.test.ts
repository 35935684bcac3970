// Where webhooks may go: every way of writing an inner address is refused, and a receiver can neither hold the server nor lead it elsewhere.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { createReach } from '../../../server/hub/reach.ts';
import {
  type Attempt,
  createWebhookDoor,
  type DoorOptions,
  MOST_ANSWER_BYTES,
} from '../../../server/hub/webhook-door.ts';
import { foundCompany } from '../../support/certificates.ts';
import { codeOf } from '../../support/error-code.ts';
import { freePort } from '../../support/free-port.ts';

const MESSAGE = { headers: { 'content-type': 'application/json', 'webhook-id': 'msg_1' }, body: '{"a":1}' };
const OWN = ['127.0.0.0/8'];
const open: Server[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function receive(answer: Answer): Promise<string> {
  const server = createServer(answer);
  open.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function send(url: string, options: Partial<DoorOptions> = {}): Promise<Attempt> {
  const way = await createWebhookDoor({ networks: [], environment: {}, ...options }).open(url);
  return way.send(MESSAGE).finally(() => way.close());
}

/** As a resolver answers for a name. */
const answers =
  (...addresses: readonly string[]): NonNullable<DoorOptions['resolve']> =>
  async () =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

/** Hosts of URLs that mean this machine, its neighbours, or a cloud's own services. */
const INNER_HOSTS = [
  ...[
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '017700000001',
  ],
  ...['0x7f.1', '127.0.0.1.', '127.255.255.254', '0', '0.0.0.0', '0x0', '00000000', '0.1.2.3'],
  ...['１２７.０.０.１', '127。0。0。1', '①②⑦.⓪.⓪.①', '%31%32%37.0.0.1', '127.0.0.%31', '0X7F.0X0.0X0.0X1'],
  ...['10.0.0.1', '10.255.255.255', '0xa000001', '167772161', '012.1', '172.16.0.1', '172.31.255.254'],
  ...['192.168.0.1', '192.168.1', '3232235521', '0xc0a80001', '100.64.0.1', '100.127.255.254'],
  ...['169.254.169.254', '169.254.170.2', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518'],
  ...[
    '192.0.0.192',
    '198.18.0.1',
    '192.0.2.1',
    '203.0.113.7',
    '224.0.0.1',
    '239.255.255.255',
    '255.255.255.255',
  ],
  ...['240.0.0.1', '192.88.99.1'],
  ...['[::1]', '[0:0:0:0:0:0:0:1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]'],
  ...[
    '[::ffff:169.254.169.254]',
    '[0:0:0:0:0:ffff:0a00:0001]',
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
  ],
  ...['[64:ff9b::a9fe:a9fe]', '[64:ff9b:1::7f00:1]', '[2002:7f00:1::]', '[2002:a00:1::1]', '[2001::7f00:1]'],
  ...[
    '[fc00::1]',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
    '[2001:db8::1]',
    '[100::1]',
    '[3fff::1]',
  ],
];

describe('an inner address', () => {
  it('is written in more than sixty ways here', () => {
    expect(new Set(INNER_HOSTS).size).toBeGreaterThan(60);
  });

  it.each(INNER_HOSTS)('%s is refused before anything is sent', async (host) => {
    const url = `https://${host}/hook`;

    expect(codeOf(() => createWebhookDoor({ networks: [], environment: {} }).verify(url))).toBe(
      'webhook/address-refused',
    );
    expect((await send(url)).problem).toMatch(/^no webhook goes to this address/);
  });

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '::1',
    '::ffff:10.0.0.1',
    'fd00::1',
    'fe80::1%eth0',
    '2002:a00:1::1',
  ])('%s is refused where a name leads to it', async (address) => {
    const attempt = await send('https://receiver.example/hook', { resolve: answers(address) });

    expect(attempt.problem).toMatch(/^no webhook goes to this address/);
  });

  it('is refused among outer ones, wherever it stands', async () => {
    for (const mixed of [answers('93.184.215.14', '10.0.0.1'), answers('10.0.0.1', '93.184.215.14')]) {
      expect((await send('https://receiver.example/', { resolve: mixed })).problem).toMatch(/inner network/);
    }
  });

  it.each(['localhost', 'LOCALHOST'])('is refused by the name %s', async (name) => {
    expect((await send(`https://${name}/`)).problem).toMatch(/inner network/);
  });

  it('is refused through a proxy as well, by its number and by a name that is known here', async () => {
    let passed = 0;
    const proxy = await receive((_request, response) => {
      passed++;
      response.end();
    });
    const environment = { https_proxy: proxy };

    const byNumber = await send('https://169.254.169.254/', { environment });
    const byName = await send('https://inner.example/', { environment, resolve: answers('10.0.0.1') });

    expect([byNumber.problem, byName.problem]).toEqual([
      expect.stringMatching(/inner network/),
      expect.stringMatching(/inner network/),
    ]);
    expect(passed).toBe(0);
  });
});

describe('an outer address', () => {
  it.each(['93.184.215.14', '8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1'])(
    '%s may be reached, and only over TLS',
    (address) => {
      const reach = createReach([]);

      expect([reach.refuse(address, true), reach.refuse(address, false)]).toEqual([null, expect.any(String)]);
    },
  );
});

describe('a network that the operator names', () => {
  it('may be reached over TLS; in the clear this machine alone', () => {
    const reach = createReach(['10.1.0.0/16', '127.0.0.1', 'fd00::/8']);

    expect(reach.refuse('10.1.2.3', true)).toBeNull();
    expect(reach.refuse('fd00::7', true)).toBeNull();
    expect(reach.refuse('127.0.0.1', false)).toBeNull();
    expect(reach.refuse('10.1.2.3', false)).not.toBeNull();
    expect(reach.refuse('10.2.0.1', true)).not.toBeNull();
    expect(reach.refuse('127.0.0.2', false)).not.toBeNull();
    expect(reach.refuse('::ffff:10.1.2.3', true)).not.toBeNull();
  });
});

describe('an address', () => {
  it.each([
    ['in the clear', 'http://receiver.example/'],
    ['of another kind', 'ftp://receiver.example/'],
    ['with a password', 'https://user:secret@receiver.example/'],
    ['with a name', 'https://user@receiver.example/'],
    ['with a fragment', 'https://receiver.example/#x'],
    ['that is none', 'receiver.example'],
    ['that is too long', `https://receiver.example/${'a'.repeat(2_000)}`],
  ])('%s is refused', (_what, url) => {
    expect(codeOf(() => createWebhookDoor({ networks: [], environment: {} }).verify(url))).toBe(
      'webhook/address-refused',
    );
  });
});

describe('a name that changes its mind', () => {
  it('between the look and the connection leads to what was looked at', async () => {
    const company = foundCompany();
    company.sign('server', 'DNS:receiver.test');
    const heard: (string | undefined)[] = [];
    const options = { cert: company.pem('server.pem'), key: company.pem('server.key') };
    const server = createTlsServer(options, (request, response) => {
      heard.push(request.headers.host);
      response.end('ok');
    });
    open.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, company.pem('ca.pem')]);
    let asked = 0;
    // The second answer is one that nobody listens at: whoever looks twice does not arrive.
    const resolve = async () => [{ address: asked++ === 0 ? '127.0.0.1' : '127.0.0.9', family: 4 }];
    try {
      const attempt = await send(`https://receiver.test:${port}/`, { networks: ['127.0.0.1'], resolve });

      expect([attempt.status, attempt.problem, asked]).toEqual([200, null, 1]);
      expect(heard).toEqual([`receiver.test:${port}`]);
    } finally {
      setDefaultCACertificates(before);
      company.remove();
    }
  });

  it('and then leads inside is refused', async () => {
    let asked = 0;
    const url = (await receive((_request, response) => response.end())).replace('127.0.0.1', 'localhost');
    const resolve = async () => [{ address: asked++ === 0 ? '127.0.0.1' : '10.0.0.1', family: 4 }];
    const door = createWebhookDoor({ networks: OWN, environment: {}, resolve });
    const first = await door.open(url);
    const second = await door.open(url);

    expect((await first.send(MESSAGE)).status).toBe(200);
    expect((await second.send(MESSAGE)).problem).toMatch(/address/);
    await Promise.all([first.close(), second.close()]);
  });
});

describe('a receiver', () => {
  it('gets the body, and nothing of the server’s own', async () => {
    const heard: { headers: IncomingMessage['headers']; body: string }[] = [];
    const url = await receive((request, response) => {
      let body = '';
      request.on('data', (part) => {
        body += part;
      });
      request.on('end', () => {
        heard.push({ headers: request.headers, body });
        response.end('thank you');
      });
    });

    expect(await send(`${url}/hook`, { networks: OWN })).toMatchObject({ status: 200, problem: null });

    expect(heard[0]?.body).toBe(MESSAGE.body);
    expect(heard[0]?.headers).toMatchObject(MESSAGE.headers);
    expect(heard[0]?.headers).not.toHaveProperty('authorization');
    expect(heard[0]?.headers).not.toHaveProperty('cookie');
  });

  it.each([301, 302, 303, 307, 308])('that answers %i leads nowhere', async (status) => {
    let followed = 0;
    const inner = await receive((_request, response) => {
      followed++;
      response.end();
    });
    const url = await receive((_request, response) => {
      response.writeHead(status, { location: inner, 'set-cookie': 'a=b' }).end();
    });

    expect(await send(url, { networks: OWN })).toMatchObject({ status, problem: null });
    expect(followed).toBe(0);
  });

  it('that says far too much is heard, and cut off', async () => {
    let sent = 0;
    const url = await receive((_request, response) => {
      const more = () => {
        while (!response.destroyed && sent < 64 * 2 ** 20) {
          sent += 64 * 1024;
          if (!response.write(Buffer.alloc(64 * 1024))) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    });

    expect(await send(url, { networks: OWN })).toMatchObject({ status: 200 });
    expect(sent).toBeLessThan(MOST_ANSWER_BYTES + 32 * 2 ** 20);
  });

  it('that sends more headers than anybody reads has not answered', async () => {
    const url = await receive((_request, response) => {
      response.writeHead(200, { 'x-long': 'a'.repeat(100_000) }).end();
    });

    expect(await send(url, { networks: OWN })).toMatchObject({ status: null, problem: /no connection/ });
  });

  it('that asks to be left alone is understood, within a day', async () => {
    const said = ['120', '99999999', '-1', 'Wed, 21 Oct 2026 07:28:00 GMT'];
    const url = await receive((_request, response) => {
      response.writeHead(429, { 'retry-after': said.shift() ?? '' }).end();
    });
    const asked = [];
    for (let i = 0; i < 4; i++) asked.push((await send(url, { networks: OWN })).retryAfterSeconds);

    expect(asked).toEqual([120, null, null, null]);
  });

  it('that is not there is told in words without an answer of anybody', async () => {
    expect(await send(`http://127.0.0.1:${await freePort()}/`, { networks: OWN })).toMatchObject({
      status: null,
      problem: 'no connection: ECONNREFUSED',
    });
  });
});
