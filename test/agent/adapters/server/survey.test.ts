// The way to a server, spoilt at one place after the other: what is said names that place, and never a password.
import { createServer as createPlain, type RequestListener } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import { type AddressInfo, connect, createServer as createTcp, type Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type NetworkFile, networkOf } from '../../../../agent/adapters/server/network.ts';
import { surveyServer } from '../../../../agent/adapters/server/survey.ts';
import type { Endpoint } from '../../../../shared/protocol/survey.ts';
import { foundCompany } from '../../../support/certificates.ts';

const company = foundCompany();
const elsewhere = foundCompany('Elsewhere');
const HERE = 'DNS:localhost,IP:127.0.0.1';
beforeAll(() => {
  company.sign('server', HERE);
  company.sign('client', HERE);
  company.sign('over', HERE, -2);
  company.sign('other', 'DNS:other.test,DNS:another.test');
  elsewhere.sign('server', HERE);
}, 60_000);
afterAll(() => {
  company.remove();
  elsewhere.remove();
});

const PATIENCE = { stepMs: 2_000, wholeMs: 3_000 };

/** As the release server answers, behind a path. */
const answering: RequestListener = (request, response) => {
  const isFile = request.url === '/fairlead/repository/metadata/timestamp.json';
  response.statusCode = isFile ? 200 : 404;
  response.setHeader('content-type', 'application/json');
  response.end('{"error":{"code":"request/not-found"}}');
};

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    if ('closeAllConnections' in server)
      (server as unknown as { closeAllConnections(): void }).closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function tls(name: string, from = company, more: ServerOptions = {}, listener = answering) {
  const options = { cert: from.pem(`${name}.pem`), key: from.pem(`${name}.key`), ...more };
  return `https://127.0.0.1:${await listening(createServer(options, listener))}/fairlead`;
}
const plain = async (listener: RequestListener) =>
  `http://127.0.0.1:${await listening(createPlain(listener))}/fairlead`;

/** Leads on to where it is asked to, unless it says no. */
async function proxy(status = 200): Promise<string> {
  const server = createPlain((_, response) => {
    response.statusCode = status;
    response.end();
  });
  server.on('connect', (request, socket) => {
    socket.on('error', () => undefined);
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
  });
  return `http://ada:secret@127.0.0.1:${await listening(server)}`;
}

async function survey(url: string, said: Partial<NetworkFile> = {}): Promise<Endpoint[]> {
  const network = networkOf({}, { schema: 'fairlead/network@1', ca: company.pem('ca.pem'), ...said });
  const endpoints = await surveyServer(url, network, undefined, PATIENCE);
  expect(JSON.stringify(endpoints)).not.toContain('secret');
  return endpoints;
}

it('tells of a way that leads there: whose certificate it is, what was answered, and how the clocks stand', async () => {
  const url = await tls('server');
  const through = await proxy();

  const straight = await survey(url);
  const proxied = await survey(url, { proxy: through });

  const seen = {
    addresses: ['127.0.0.1'],
    certificate: { authority: 'Company', ends: expect.stringMatching(/Z$/) },
    clockAheadMs: expect.any(Number),
    failure: null,
  };
  expect(straight).toMatchObject([
    { use: 'releases', status: 200, proxy: null, ...seen },
    { use: 'reports', status: 404, proxy: null, ...seen },
  ]);
  expect(proxied[0]).toMatchObject({ ...seen, proxy: through.replace('ada:secret@', '') });
  expect(Math.abs(straight[0]?.clockAheadMs ?? Number.NaN)).toBeLessThan(30_000);
});

const SPOILT: readonly (readonly [
  what: string,
  make: () => Promise<readonly [url: string, said?: Partial<NetworkFile>]>,
  step: string,
  problem: RegExp,
])[] = [
  ['a name without an address', async () => ['https://nowhere.invalid/fairlead'], 'name', /nowhere\.invalid/],
  [
    'a port that nobody listens at',
    async () => ['https://127.0.0.1:1/fairlead'],
    'connection',
    /ECONNREFUSED/,
  ],
  [
    'a proxy that nobody runs',
    async () => ['https://vendor.test/fairlead', { proxy: 'http://ada:secret@127.0.0.1:1' }],
    ...(['connection', /127\.0\.0\.1:1 .*ECONNREFUSED/] as const),
  ],
  [
    'a proxy whose own name leads nowhere',
    async () => ['https://vendor.test/fairlead', { proxy: 'http://ada:secret@nowhere.invalid:3128' }],
    ...(['name', /nowhere\.invalid/] as const),
  ],
  [
    'a proxy that takes another password',
    async () => [await tls('server'), { proxy: await proxy(407) }],
    ...(['proxy', /a name and a password/] as const),
  ],
  [
    'a proxy that does not lead there',
    async () => [await tls('server'), { proxy: await proxy(403) }],
    ...(['proxy', /403/] as const),
  ],
  [
    'an authority that nobody named',
    async () => [await tls('server', elsewhere)],
    ...(['certificate', /signed by Elsewhere, whom nothing here believes/] as const),
  ],
  [
    'an authority that nobody named, behind a proxy',
    async () => [await tls('server', elsewhere), { proxy: await proxy() }],
    ...(['certificate', /signed by Elsewhere, whom nothing here believes/] as const),
  ],
  [
    'a certificate that has ended',
    async () => [await tls('over')],
    ...(['certificate', /Company signed ended on \d{4}-/] as const),
  ],
  [
    'a certificate for another name',
    async () => [await tls('other')],
    ...(['certificate', /is for other\.test, another\.test/] as const),
  ],
  [
    'a server that wants a certificate shown',
    async () => [
      await tls('server', company, {
        ca: company.pem('ca.pem'),
        requestCert: true,
        rejectUnauthorized: true,
      }),
    ],
    ...(['certificate', /wants to be shown a certificate/] as const),
  ],
  [
    'a page in place of the answer',
    async () => [
      await plain((_, response) => {
        response.setHeader('content-type', 'text/html');
        response.end('<html>log in</html>');
      }),
    ],
    ...(['answer', /web page/] as const),
  ],
  [
    'another server at that address',
    async () => [
      await plain((_, response) => {
        response.statusCode = 404;
        response.end('nothing');
      }),
    ],
    ...(['answer', /no release server/] as const),
  ],
  [
    'settings that cannot be used',
    async () => ['https://vendor.test/fairlead', { proxy: 'socks5://ada:secret@proxy.test' }],
    ...(['settings', /socks5/] as const),
  ],
];

it.each(SPOILT)('names the place of %s', { timeout: 60_000 }, async (_, make, step, problem) => {
  const [url, said] = await make();

  for (const { failure } of await survey(url, said)) {
    expect(failure).toMatchObject({ step, problem: expect.stringMatching(problem) });
  }
});

it('looks at each mirror as it is asked, and shows it no certificate of this install', async () => {
  const shown: (string | undefined)[] = [];
  const more = { ca: company.pem('ca.pem'), requestCert: true, rejectUnauthorized: false };
  const url = await tls('server', company, more, (request, response) => {
    if (request.url?.startsWith('/fairlead/mirror/') === true) {
      shown.push((request.socket as TLSSocket).getPeerCertificate().subject?.CN?.toString());
    }
    response.statusCode = request.url?.endsWith('timestamp.json') === true ? 200 : 404;
    response.setHeader('content-type', 'application/json').end('{}');
  });
  const [clientCert, clientKey] = [company.pem('client.pem'), company.pem('client.key')];

  const [, , whole, gone] = await survey(url, {
    ...{ clientCert, clientKey },
    mirrors: [`${url}/mirror`, 'http://127.0.0.1:1/copy'],
  });

  expect(whole).toMatchObject({ use: 'mirror', status: 200, failure: null });
  expect(gone).toMatchObject({ use: 'mirror', failure: { step: 'connection' } });
  expect(shown).toEqual([undefined]);
});

it('ends in time where somebody takes connections and says nothing', { timeout: 60_000 }, async () => {
  const silent = createTcp((socket) => socket.on('error', () => undefined));
  const port = await listening(silent);

  const endpoints = await survey(`https://127.0.0.1:${port}/fairlead`);

  expect(endpoints.map(({ failure }) => failure?.step)).toEqual(['answer', 'answer']);
});

it('tells how far the clocks are apart, past what a cache kept', async () => {
  const url = await plain((request, response) => {
    response.setHeader('date', new Date(Date.now() - 3_600_000).toUTCString());
    if (request.url?.endsWith('timestamp.json') === true) response.setHeader('age', '3000');
    answering(request, response);
  });

  const minutes = (await survey(url)).map(({ clockAheadMs }) => Math.round((clockAheadMs ?? 0) / 60_000));

  expect(minutes).toEqual([10, 60]);
});
