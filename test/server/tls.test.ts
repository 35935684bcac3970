// TLS in the server: real processes, real handshakes, certificates that are renewed under them.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, createServer as createHttpsServer, get, type RequestOptions } from 'node:https';
import { type AddressInfo, connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toConfig } from '../../server/context.ts';
import { answerNoRequest } from '../../server/http/failures.ts';
import { readTls, startRenewing, type Tls } from '../../server/http/tls.ts';
import { durationMs } from '../../shared/encoding/instant.ts';
import { temporaryDirectory } from '../support/directories.ts';
import { rejectionOf } from '../support/error-code.ts';

const PROGRAM = new URL('../../scripts/bin/fairlead-server', import.meta.url).pathname;
const VECTORS = new URL('../vectors/tls/', import.meta.url).pathname;
const AUTHORITIES = ['first', 'second'].map((name) => readFileSync(`${VECTORS}${name}.cert.pem`));

let directory: string;
let cert: string;
let key: string;
const running: ChildProcess[] = [];

beforeEach(() => {
  directory = temporaryDirectory();
  cert = join(directory, 'cert.pem');
  key = join(directory, 'key.pem');
  put('first');
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

describe('fairlead-server run with a certificate', () => {
  it('speaks TLS 1.2 and later, and nothing else', async () => {
    const { url, port } = await run();

    expect(url).toMatch(/^https:/);
    expect(await ask(url)).toBe(200);
    await expect(fetch(url.replace('https', 'http'))).rejects.toThrow();
    await expect(handshake(port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })).rejects.toThrow();
    expect(await handshake(port, { maxVersion: 'TLSv1.2' })).toBe('TLSv1.2');
  });

  it('serves with the renewed one after SIGHUP, and ends no connection for it', async () => {
    const { child, url, port } = await run();
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    await ask(url, { agent: kept });
    put('second');

    await told(child, 'serves with the renewed certificate', () => child.kill('SIGHUP'));

    expect(await nameServed(port)).toBe('second');
    expect(await ask(url, { agent: kept })).toBe(200);
    kept.destroy();
  });

  it.each([
    ['a key that is not its own', () => copyFileSync(`${VECTORS}second.key.pem`, key)],
    ['half of a file', () => writeFileSync(cert, readFileSync(cert).subarray(0, 300))],
  ])('goes on with the one from before while the renewed one has %s', async (_what, harm) => {
    const { child, port } = await run();
    harm();

    await told(child, 'cannot be used', () => child.kill('SIGHUP'));

    expect(await nameServed(port)).toBe('first');
  });
});

describe('the files of a certificate', () => {
  it.each([
    ['a certificate that is none', () => writeFileSync(cert, 'rubbish'), 'server/tls-unusable'],
    ['a certificate file that is gone', () => (cert += '.gone'), 'file/missing'],
    ['a key that is none', () => writeFileSync(key, 'rubbish'), 'server/tls-unusable'],
    ['the certificate where the key should be', () => copyFileSync(cert, key), 'server/tls-unusable'],
    ['the key of another', () => copyFileSync(`${VECTORS}second.key.pem`, key), 'server/tls-unusable'],
    ['a key larger than any', () => writeFileSync(key, Buffer.alloc(2 << 20)), 'disk/unreadable'],
  ])('are refused before anything is served: %s', async (_what, harm, code) => {
    harm();

    expect((await rejectionOf(readTls({ cert, key }))).code).toBe(code);
  });

  it('are told of from two weeks before the certificate ends', async () => {
    const lines: string[] = [];
    const tls = await readTls({ cert, key });
    const log = { warn: (_: object, line: string) => lines.push(line) };
    for (const left of [durationMs('P15D'), durationMs('P13D'), -1]) {
      const context = { config: { tls: { cert, key } }, log, now: () => tls.expires - left };
      const renewing = startRenewing(context as never, tls, {});
      await renewing.stop();
    }

    expect(lines).toEqual(['the certificate expires soon', 'the certificate has expired']);
  });
});

describe('a certificate that nobody would accept now', () => {
  const VALID = { begins: 0, expires: Number.MAX_SAFE_INTEGER };

  it.each([
    ['has ended', (tls: Tls) => tls.expires, VALID, false],
    ['has not begun', (tls: Tls) => tls.begins - 1, VALID, false],
    ['has begun this moment', (tls: Tls) => tls.begins, VALID, true],
    ['has ended, like the one before it', (tls: Tls) => tls.expires, { begins: 0, expires: 1 }, true],
  ])(
    'takes the place of another only where that is no better: one that %s',
    async (_what, at, before, taken) => {
      const read = await readTls({ cert, key });
      const inUse = { options: { cert: 'another', key: 'another' }, ...before };
      const served: object[] = [];
      const lines: string[] = [];
      const note = (_: object, line: string) => void lines.push(line);
      const log = { warn: () => undefined, info: note, error: note };
      const context = { config: { tls: { cert, key } }, log, now: () => at(read) };
      const listener = { setSecureContext: (options: object) => void served.push(options) };
      const renewing = startRenewing(context as never, inUse, listener);

      process.emit('SIGHUP');
      await expect.poll(() => lines).toHaveLength(1);
      await renewing.stop();

      expect(served.length === 1).toBe(taken);
    },
  );
});

describe('whoever comes to the port of TLS and speaks none', () => {
  const HELLO = Buffer.from('16030100fa010000f60303', 'hex');

  it.each([
    ['says nothing', Buffer.alloc(0)],
    ['begins a handshake and stops', HELLO],
    ['speaks HTTP', Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')],
    ['sends rubbish', Buffer.from('rubbish')],
  ])('is cut off, and holds no place: one that %s', async (_what, bytes) => {
    const { options } = await readTls({ cert, key });
    const server = createHttpsServer({ ...options, handshakeTimeout: 300 });
    server.on('clientError', answerNoRequest);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sockets = Array.from({ length: 20 }, () => {
      const socket = connectPlain((server.address() as AddressInfo).port, '127.0.0.1');
      socket.on('error', () => undefined).resume();
      socket.write(bytes);
      return once(socket, 'close');
    });

    await Promise.all(sockets);

    const open = await promisify(server.getConnections.bind(server))();
    server.close();
    expect(open).toBe(0);
  });

  it('cannot have keys agreed on anew without end', async () => {
    const { port } = await run();
    const socket = connect({ port, host: '127.0.0.1', ca: AUTHORITIES, maxVersion: 'TLSv1.2' });
    await once(socket, 'secureConnect');
    socket.on('error', () => undefined).resume();
    let renewed = 0;
    const again = () => {
      socket.renegotiate({}, (error) => {
        if (error !== null) return;
        renewed++;
        again();
      });
    };
    again();

    await once(socket, 'close');

    expect(renewed).toBeLessThan(10);
  });
});

describe('plain HTTP', () => {
  const settings = { dir: '/srv/fairlead', host: '127.0.0.1', port: 8080 };

  it.each([
    ['on this machine', {}],
    ['on this machine, by the other family', { host: '::1' }],
    ['on this machine, by its name', { host: 'localhost' }],
    ['beyond it, behind a proxy', { host: '0.0.0.0', behindProxy: true }],
    ['beyond it, behind a proxy that is named', { host: '::', trustProxy: ['10.0.0.1'] }],
  ])('is served %s', (_where, given) => {
    expect(toConfig({ ...settings, ...given }, {}).tls).toBeNull();
  });

  it.each([
    ...['0.0.0.0', '::', '10.0.0.5', 'releases.example.com', '127.0.0.1.example.com'],
    ...['127.0.0.256', '127.0.0', 'localhost.example.com', 'localhost.', '::1%eth0', '::ffff:10.0.0.5'],
  ])('is refused on %s without a proxy', (host) => {
    expect(() => toConfig({ ...settings, host }, {})).toThrow(
      expect.objectContaining({ code: 'server/needs-tls' }),
    );
  });

  it.each([
    ['--tls-key', { tlsCert: 'cert.pem' }],
    ['--tls-cert', { tlsKey: 'key.pem' }],
  ])('is not what a server falls back to where %s is missing', (missing, given) => {
    expect(() => toConfig({ ...settings, ...given }, {})).toThrow(
      expect.objectContaining({ code: 'server/half-tls', data: { missing } }),
    );
  });
});

function put(name: string): void {
  copyFileSync(`${VECTORS}${name}.cert.pem`, cert);
  copyFileSync(`${VECTORS}${name}.key.pem`, key);
}

async function run(): Promise<{ readonly child: ChildProcess; readonly url: string; readonly port: number }> {
  const dir = join(directory, 'server');
  await new Promise<void>((resolve, reject) =>
    execFile(PROGRAM, ['init', '--dir', dir], (error) => (error === null ? resolve() : reject(error))),
  );
  const child = spawn(PROGRAM, ['run', '--dir', dir, '--port', '0', '--tls-cert', cert, '--tls-key', key]);
  running.push(child);
  const line = await told(child, 'listening on', () => undefined);
  const url = /listening on (\S+)/.exec(line)?.[1] ?? '';
  return { child, url, port: Number(new URL(url).port) };
}

/** What the program has written once it has told this. */
function told(child: ChildProcess, what: string, act: () => void): Promise<string> {
  return new Promise((resolve, reject) => {
    let written = '';
    const read = (part: Buffer) => {
      written += part;
      if (written.includes(what)) resolve(written);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', () => reject(new Error(written)));
    act();
  });
}

async function ask(url: string, options: RequestOptions = {}): Promise<number | undefined> {
  const [response] = await once(get(`${url}/healthz`, { ca: AUTHORITIES, ...options }), 'response');
  await text(response);
  return response.statusCode;
}

async function handshake(port: number, options: object): Promise<string | null> {
  const socket = connect({ port, host: '127.0.0.1', ca: AUTHORITIES, ...options });
  await once(socket, 'secureConnect');
  const protocol = socket.getProtocol();
  socket.destroy();
  return protocol;
}

async function nameServed(port: number): Promise<string | undefined> {
  const socket = connect({ port, host: '127.0.0.1', ca: AUTHORITIES });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return [subject.CN].flat()[0];
}
