// TLS in the server: real processes, real handshakes, certificates that are renewed under them.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, get, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toConfig } from '../../server/context.ts';
import { readTls, startRenewing } from '../../server/http/tls.ts';
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

  it.each(['0.0.0.0', '::', '10.0.0.5', 'releases.example.com', '127.0.0.1.example.com'])(
    'is refused on %s without a proxy',
    (host) => {
      expect(() => toConfig({ ...settings, host }, {})).toThrow(
        expect.objectContaining({ code: 'server/needs-tls' }),
      );
    },
  );

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
