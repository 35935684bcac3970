// A company's network: a real squid that asks for a password is the only way out, and the server wants to be shown a certificate.

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { rootCertificates, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { createMirrors } from '../../../../agent/adapters/repository/mirrors.ts';
import { createHttpClient } from '../../../../agent/adapters/server/http-client.ts';
import { listenTo } from '../../../../agent/adapters/server/listen.ts';
import {
  type NetworkFile,
  networkOf,
  readNetwork,
  readNetworkFile,
  writeNetworkFile,
} from '../../../../agent/adapters/server/network.ts';
import { network } from '../../../../agent/cli/commands/network.ts';
import type { Digest } from '../../../../shared/encoding/digest.ts';
import { formatEnrolment, parseEnrolment } from '../../../../shared/protocol/enrolment.ts';
import { foundCompany } from '../../../support/certificates.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { until } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { type Squid, squidMissing, startSquid } from '../../../support/squid.ts';
import { atTerminal } from '../../../support/terminal.ts';

const NAME = 'vendor.test';
const PASSWORD = 'p@ss:w/rd%';

const company = foundCompany();
afterAll(() => company.remove());
const { pem } = company;

/** Two authorities that nobody uses; of the second a letter is missing. */
const AUTHORITY = rootCertificates[0]?.concat('\n') ?? '';
const DAMAGED = AUTHORITY.replace(/[A-Za-z]\n/, '\n');
const keyOfNobody = () =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const missing = squidMissing();

describe.skipIf(missing !== null)('a company’s network', () => {
  let squid: Squid;
  let server: Server;
  let url: string;
  const shown: (string | undefined)[] = [];

  beforeAll(async () => {
    for (const name of ['server', 'client']) company.sign(name, `DNS:${NAME},IP:127.0.0.1,IP:::1`);
    server = createServer(
      {
        cert: pem('server.pem'),
        key: pem('server.key'),
        ca: pem('ca.pem'),
        requestCert: true,
        rejectUnauthorized: true,
      },
      (request, response) => {
        shown.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN));
        response.end(`served ${request.url}`);
      },
    );
    const hints = new WebSocketServer({ server, path: '/fairlead/api/v1/subscribe' });
    await new Promise<void>((resolve) => server.listen(0, '::', resolve));
    server.on('close', () => hints.close());
    url = `https://${NAME}:${(server.address() as AddressInfo).port}/fairlead`;
    squid = await startSquid('ada', PASSWORD, { [NAME]: '127.0.0.1' });
  }, 60_000);
  afterAll(async () => {
    await squid.stop();
    server.closeAllConnections();
    server.close();
  });

  const networkWith = (changes: Partial<NetworkFile> = {}) => {
    const proxy = `http://ada:${encodeURIComponent(PASSWORD)}@${squid.host}`;
    const [ca, clientCert, clientKey] = [pem('ca.pem'), pem('client.pem'), pem('client.key')];
    return networkOf(
      {},
      { schema: 'fairlead/network@1', ...{ proxy, ca, clientCert, clientKey }, ...changes },
    );
  };
  const client = (changes?: Partial<NetworkFile>) => {
    const http = createHttpClient(undefined, networkWith(changes));
    onTestFinished(() => http.close());
    return http;
  };
  const listen = async (changes?: Partial<NetworkFile>) => {
    const stop = new AbortController();
    let opened = false;
    const onOpen = () => {
      opened = true;
      stop.abort();
    };
    const end = await listenTo(
      url,
      async () => 'token',
      { onOpen, onHint: () => undefined },
      stop.signal,
      networkWith(changes),
    );
    return { opened, ...end };
  };

  it('is passed by files, with the name, the password, the authority and the certificate that were given', async () => {
    const http = client();
    const answer = await http.get(`${url}/repository/1.root.json`, { maxBytes: 100 });
    // It writes down what has ended.
    await http.close();

    expect(answer).toMatchObject({ kind: 'body' });
    expect(shown).toEqual(['client']);
    await until(async () => squid.requests().includes(`CONNECT ${new URL(url).host} ada`), 10_000);
  });

  it('is passed by hints in the same way', async () => {
    expect(await listen()).toMatchObject({ opened: true });
  });

  const WRONG: readonly (readonly [string, Record<string, string | undefined>, string])[] = [
    ['a password that is wrong', { proxy: 'ada:wrong@' }, 'transport/proxy-refused'],
    ['no password', { proxy: '' }, 'transport/proxy-refused'],
    ['an authority that nobody named', { ca: undefined }, 'transport/unreachable'],
    ['no certificate of its own', { clientCert: undefined, clientKey: undefined }, 'transport/unreachable'],
    ['no proxy, where names lead nowhere', { noProxy: NAME }, 'transport/unreachable'],
  ];

  it.each(WRONG)('is not passed with %s', { timeout: 30_000 }, async (_, { proxy, ...changes }, code) => {
    const other = proxy === undefined ? {} : { proxy: `http://${proxy}${squid.host}` };
    const said = { ...changes, ...other } as Partial<NetworkFile>;

    const failure = await rejectionOf(client(said).get(`${url}/x`, { maxBytes: 100 }));

    expect(failure.code).toBe(code);
    expect(failure.message).not.toContain('wrong');
    expect(await listen(said)).toMatchObject({ opened: false });
  });

  it('is not asked about a server that has an address of IPv6 alone, inside a network that was named', async () => {
    const inside = `https://[::1]:${new URL(url).port}/x`;

    expect(await client({ noProxy: '10.0.0.0/8,::1/128' }).get(inside, { maxBytes: 100 })).toMatchObject({
      kind: 'body',
    });
    expect(squid.requests().join()).not.toContain('::1');
  });
});

describe('a mirror', () => {
  it('is shown neither the name nor the certificate of this install', { timeout: 60_000 }, async () => {
    for (const name of ['server', 'client']) company.sign(name, 'IP:127.0.0.1');
    const seen: unknown[] = [];
    const files = { cert: pem('server.pem'), key: pem('server.key'), ca: pem('ca.pem') };
    const asking = { ...files, requestCert: true, rejectUnauthorized: false };
    const server = createServer(asking, (request, response) => {
      const shown = (request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? null;
      seen.push([request.url, shown, request.headers.authorization ?? null]);
      response.statusCode = 401;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const [ca, clientCert, clientKey] = [pem('ca.pem'), pem('client.pem'), pem('client.key')];
    const said = {
      schema: 'fairlead/network@1',
      ca,
      clientCert,
      clientKey,
      mirrors: [`${url}/copy`],
    } as const;
    const network = networkOf({}, { ...said, mirrors: [...said.mirrors] });
    const { sources, close } = createMirrors({ network, server: url, region: async () => undefined });
    const [mirror] = await sources();

    const options = { maxBytes: 10, onProgress: () => undefined };
    await mirror?.metadata('timestamp.json', { maxBytes: 10 }).catch(() => undefined);
    await mirror?.document('platform/1.0.0.json', 'a'.repeat(64), 10).catch(() => undefined);
    await mirror?.pack('a'.repeat(64), join(temporaryDirectory(), 'pack'), options).catch(() => undefined);

    expect(mirror?.mirror).toBe(`${url}/copy`);
    expect(seen).toEqual([
      ['/copy/metadata/timestamp.json', null, null],
      [`/copy/targets/platform/${'a'.repeat(64)}.1.0.0.json`, null, null],
      [`/copy/packs/${'a'.repeat(64)}/full.pack`, null, null],
    ]);
    await close();
    server.closeAllConnections();
    server.close();
  });
});

describe('a network of IPv6 alone', () => {
  it('has a server, a proxy and an enrolment string with addresses in brackets', {
    timeout: 60_000,
  }, async () => {
    company.sign('six', 'IP:::1');
    const asked: string[] = [];
    const six = createServer({ cert: pem('six.pem'), key: pem('six.key') }, (request, response) => {
      asked.push(String(request.headers.host));
      response.end('served');
    });
    const hints = new WebSocketServer({ server: six, path: '/api/v1/subscribe' });
    const proxy = createPlainServer();
    proxy.on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url}`);
      const { hostname, port } = new URL(`http://${request.url}`);
      const onward = connect(Number(port), hostname.slice(1, -1), () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      for (const each of [socket, onward])
        each.on('error', () => void [socket, onward].map((one) => one.destroy()));
    });
    for (const server of [six, proxy]) await new Promise<void>((done) => server.listen(0, '::1', done));
    const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
    const server = `https://[::1]:${portOf(six)}`;
    const root = { version: 1, digest: `sha256:${'0'.repeat(64)}` as Digest };
    const string = formatEnrolment({ server, code: 'c'.repeat(22), root });
    const ways = [undefined, `http://ada:x@[::1]:${portOf(proxy)}`].map((way) =>
      networkOf(
        {},
        { schema: 'fairlead/network@1', ca: pem('ca.pem'), ...(way === undefined ? {} : { proxy: way }) },
      ),
    );

    expect(parseEnrolment(string).server).toBe(server);
    for (const network of ways) {
      const http = createHttpClient(undefined, network);
      expect(await http.get(`${server}/x`, { maxBytes: 100 })).toMatchObject({ kind: 'body' });
      await http.close();
      const stop = new AbortController();
      let opened = false;
      const onOpen = () => {
        opened = true;
        stop.abort();
      };
      await listenTo(server, async () => 'token', { onOpen, onHint: () => undefined }, stop.signal, network);
      expect(opened).toBe(true);
    }
    const at = `[::1]:${portOf(six)}`;
    expect(asked).toEqual([at, `CONNECT ${at}`, at, `CONNECT ${at}`]);
    hints.close();
    for (const one of [six, proxy]) {
      one.closeAllConnections();
      one.close();
    }
  });
});

describe('what was said of the network', () => {
  it('is kept where its owner alone reads it, and read again', async () => {
    const stateDir = temporaryDirectory();
    await writeNetworkFile(stateDir, {
      schema: 'fairlead/network@1',
      proxy: 'http://ada:secret@proxy.test:3128',
    });

    expect(statSync(join(stateDir, 'network.json')).mode & 0o777).toBe(0o600);
    expect((await readNetwork(stateDir, { https_proxy: 'http://other.test' })).proxies.httpsProxy).toContain(
      'proxy.test',
    );
  });

  it.each([
    ['a proxy of another kind', 'proxy: ', { proxy: 'socks5://ada:secret@proxy.test' }],
    ['authorities that are none', 'ca: ', { ca: 'secret' }],
    ['a bundle of which the second is damaged', 'ca: certificate 2 of 2', () => `${AUTHORITY}${DAMAGED}`],
    [
      'a bundle that is cut in the middle',
      'ca: a certificate in it has no end',
      () => `${AUTHORITY}${AUTHORITY.slice(0, 90)}`,
    ],
    [
      'a key among authorities',
      'ca: beside certificates it holds a private key',
      () => AUTHORITY + keyOfNobody(),
    ],
    ['a mirror that asks for a password', 'mirrors.0', { mirrors: ['http://ada:secret@mirror.test/'] }],
    ['a mirror that is none', 'mirrors.0', { mirrors: ['ftp://mirror.test/secret'] }],
    ['a certificate that is none', 'clientCert: ', { clientCert: 'secret', clientKey: 'secret' }],
    ['a key that is none', 'clientKey: ', { clientKey: 'secret' }],
    ['a key without its certificate', 'clientCert: ', { clientKey: keyOfNobody() }],
  ] as const)(
    'is refused before it is kept, and where it was kept, and the field is named: %s',
    async (_, field, what) => {
      const said = (typeof what === 'function' ? { ca: what() } : what) as Partial<NetworkFile>;
      const stateDir = temporaryDirectory();
      const refusal = await rejectionOf(
        writeNetworkFile(stateDir, { schema: 'fairlead/network@1', ...said }),
      );
      writeFileSync(
        join(stateDir, 'network.json'),
        JSON.stringify({ schema: 'fairlead/network@1', ...said }),
      );
      const refusals = [refusal, await rejectionOf(readNetworkFile(stateDir))];

      for (const failure of refusals) {
        expect(failure).toMatchObject({ code: 'transport/network-invalid' });
        expect(failure.message).toContain(field);
        expect(failure.message).not.toContain('secret');
      }
    },
  );

  it.each([
    ['cut', '{ "schema": "fairlead/network@1", "proxy": "http://ada:secret@pro'],
    ['of another kind', '{ "schema": "fairlead/network@1", "proxy": { "secret": 1 } }'],
    ['of a later version', '{ "schema": "fairlead/network@2", "proxy": "http://ada:secret@proxy.test" }'],
  ])(
    'is not begun anew by the next option where it is %s, and is where that is asked for',
    async (_, text) => {
      const stateDir = temporaryDirectory();
      const path = join(stateDir, 'network.json');
      writeFileSync(path, text);
      const { context } = await atTerminal('auto');
      const say = (options: object) => network({ ...context, stateDir }, options);

      const refusal = await rejectionOf(say({ direct: '10.0.0.0/8' }));

      expect(refusal.code).toBe('transport/network-invalid');
      expect(refusal.message).not.toContain('secret');
      expect(readFileSync(path, 'utf8')).toBe(text);
      await say({ direct: '10.0.0.0/8', clear: true });
      expect(await readNetworkFile(stateDir)).toEqual({
        schema: 'fairlead/network@1',
        noProxy: '10.0.0.0/8',
      });
    },
  );

  it('leads nowhere else while it cannot be read, and ends no program', async () => {
    const stateDir = temporaryDirectory();
    writeFileSync(join(stateDir, 'network.json'), '{ "proxy": ');
    const http = createHttpClient(undefined, await readNetwork(stateDir, {}));

    expect((await rejectionOf(http.get('http://127.0.0.1:1/', { maxBytes: 1 }))).code).toBe(
      'transport/network-invalid',
    );
    await http.close();
  });
});
