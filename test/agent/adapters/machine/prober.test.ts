// Probes on real sockets and real commands: what they see, what they refuse to wait for, what they never send on.

import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { readProcess } from '../../../../agent/adapters/machine/process-table.ts';
import { createProber } from '../../../../agent/adapters/machine/run-command.ts';
import type { Probe } from '../../../../agent/ports/machine.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { until } from '../../../support/driver-contract.ts';

const prober = createProber();
const never = new AbortController().signal;

async function listen<S extends Server | TcpServer>(server: S): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

describe('an http probe', () => {
  let server: Server;
  let requests: string[];

  async function probe(answer: RequestListener, more: Partial<Probe & { kind: 'http' }> = {}) {
    requests = [];
    server = createServer((request, response) => {
      requests.push(request.url ?? '');
      answer(request, response);
    });
    const url = `http://127.0.0.1:${await listen(server)}/health`;
    return prober.probe({ kind: 'http', url, expect: 200, contains: null, timeoutMs: 2_000, ...more }, never);
  }

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('is healthy on the expected status', async () => {
    expect(await probe((_, response) => response.end('ok'))).toEqual({ healthy: true, detail: 'HTTP 200' });
  });

  it('tells the status and the body of an unhealthy answer, without control characters', async () => {
    const result = await probe((_, response) => response.writeHead(503).end('no\u001b[31m database'));

    expect(result).toEqual({ healthy: false, detail: 'HTTP 503 instead of 200: no\ufffd[31m database' });
  });

  it('looks for the text it should contain', async () => {
    const result = await probe((_, response) => response.end('starting'), { contains: 'ready' });

    expect(result.healthy).toBe(false);
    expect(result.detail).toContain('without "ready"');
  });

  it('follows no redirect', async () => {
    const result = await probe((_, response) => response.writeHead(302, { location: '/elsewhere' }).end());

    expect(result.healthy).toBe(false);
    expect(requests).toEqual(['/health']);
  });

  it('does not wait for an answer that never comes', async () => {
    const result = await probe(() => undefined, { timeoutMs: 100 });

    expect(result).toEqual({ healthy: false, detail: 'no answer in 100 ms' });
  });

  it('reads no more than it needs of a body without end', async () => {
    const result = await probe((_, response) => {
      const timer = setInterval(() => response.write('x'.repeat(32_768)), 1);
      response.on('close', () => clearInterval(timer));
    });

    expect(result).toEqual({ healthy: true, detail: 'HTTP 200' });
  });

  it('sends the credentials of its URL', async () => {
    let given: string | undefined;
    const answer: RequestListener = (request, response) => {
      given = request.headers.authorization;
      response.end();
    };
    await probe(answer);
    const url = `http://ada:p%40ss%3Aword@127.0.0.1:${(server.address() as AddressInfo).port}/health`;

    await prober.probe({ kind: 'http', url, expect: 200, contains: null, timeoutMs: 2_000 }, never);

    expect(given).toBe(`Basic ${Buffer.from('ada:p@ss:word').toString('base64')}`);
  });

  const stream: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('event: ready\n\n');
  };

  it('asks for the body of an endless stream only as far as it must', async () => {
    expect(await probe(stream)).toEqual({ healthy: true, detail: 'HTTP 200' });
    server.closeAllConnections();
    server.close();
    expect(await probe(stream, { contains: 'ready' })).toEqual({ healthy: true, detail: 'HTTP 200' });
  });

  it('tells the status of an answer whose body never ends, too', async () => {
    const endless: RequestListener = (_, response) => {
      response.writeHead(503);
      response.write('starting');
    };

    const result = await probe(endless, { timeoutMs: 300 });

    expect(result).toEqual({ healthy: false, detail: 'HTTP 503 instead of 200: starting' });
  });

  it('takes many headers, and names too many for what they are', async () => {
    const withHeaders =
      (bytes: number): RequestListener =>
      (_, response) => {
        response.writeHead(200, { 'x-much': 'x'.repeat(bytes) }).end();
      };

    const many = await probe(withHeaders(40_000));
    server.close();
    const tooMany = await probe(withHeaders(80_000));

    expect(many.healthy).toBe(true);
    expect(tooMany).toEqual({ healthy: false, detail: 'more than 64 KiB of headers' });
  });

  const RAW: readonly (readonly [name: string, bytes: string, healthy: boolean])[] = [
    ['switches protocols', 'HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nxx', false],
    ['ends before its body does', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab', true],
    ['ends without a word', '', false],
    ['is no HTTP', 'hello\r\n\r\n', false],
    ['comes after many early hints', `${'HTTP/1.1 103 X\r\n\r\n'.repeat(500)}HTTP/1.1 200 OK\r\n\r\n`, true],
    ['breaks off between chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n', true],
    ['says two things', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 500 X\r\n\r\n', true],
  ];

  it.each(RAW)('always comes to an end where the answer %s', async (_, bytes, healthy) => {
    await probe((_request, response) => response.end());
    const raw = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(bytes);
    });
    const url = `http://127.0.0.1:${await listen(raw)}/`;

    const result = await prober.probe(
      { kind: 'http', url, expect: 200, contains: null, timeoutMs: 2_000 },
      never,
    );

    raw.close();
    expect(result.healthy).toBe(healthy);
    expect(result.detail).not.toContain('no answer in');
  });

  it('asks over IPv6', async () => {
    server = createServer((_, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
    const url = `http://[::1]:${(server.address() as AddressInfo).port}/`;

    const result = await prober.probe(
      { kind: 'http', url, expect: 200, contains: null, timeoutMs: 2_000 },
      never,
    );

    expect(result.healthy).toBe(true);
  });

  it('believes a certificate of its own making only where the release says whose', async () => {
    const directory = temporaryDirectory();
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-keyout', key, '-out', cert, ...names],
    ]);
    const options = { key: await readFile(key), cert: await readFile(cert) };
    server = createTlsServer(options, (_, response) => response.end()) as unknown as Server;
    const url = `https://127.0.0.1:${await listen(server)}/`;
    const ask = (more: object) =>
      prober.probe({ kind: 'http', url, expect: 200, contains: null, timeoutMs: 2_000, ...more }, never);

    const answers = [
      await ask({}),
      await ask({ tls: { ca: cert, insecure: false } }),
      await ask({ tls: { ca: null, insecure: true } }),
      await ask({ tls: { ca: join(directory, 'nowhere'), insecure: false } }),
    ];

    expect(answers.map(({ healthy }) => healthy)).toEqual([false, true, true, false]);
  });

  it('says why nothing could be asked', async () => {
    await probe((_, response) => response.end());

    const closed = await prober.probe(
      { kind: 'http', url: 'http://127.0.0.1:1/', expect: 200, contains: null, timeoutMs: 2_000 },
      never,
    );
    const nonsense = await prober.probe(
      { kind: 'http', url: 'not a url', expect: 200, contains: null, timeoutMs: 2_000 },
      never,
    );

    expect(closed).toEqual({ healthy: false, detail: 'ECONNREFUSED' });
    expect(nonsense.healthy).toBe(false);
  });
});

describe('a tcp probe', () => {
  it('is healthy when something listens, and only then', async () => {
    const server = createTcpServer((socket) => socket.end());
    const port = await listen(server);
    const probe = { kind: 'tcp', host: '127.0.0.1', port, timeoutMs: 2_000 } as const;

    const open = await prober.probe(probe, never);
    await new Promise((resolve) => server.close(resolve));
    const closed = await prober.probe(probe, never);

    expect(open).toEqual({ healthy: true, detail: 'connected' });
    expect(closed).toEqual({ healthy: false, detail: 'ECONNREFUSED' });
  });

  it('says that a port is no port', async () => {
    const probe = { kind: 'tcp', host: '127.0.0.1', port: Number.NaN, timeoutMs: 2_000 } as const;

    expect((await prober.probe(probe, never)).healthy).toBe(false);
  });
});

describe('a command probe', () => {
  let directory: string;

  const run = (script: string, timeoutMs = 5_000) =>
    prober.probe(
      {
        kind: 'exec',
        exec: ['sh', '-c', script],
        env: { COLOUR: 'blue' },
        workingDirectory: directory,
        dataDirectory: join(directory, 'data'),
        user: null,
        timeoutMs,
      },
      never,
    );

  beforeEach(() => {
    directory = temporaryDirectory();
  });

  it('is healthy on exit status 0, in the tree, with the environment of the service', async () => {
    const result = await run(`test "$COLOUR" = blue && test "$PWD" = "${directory}" && test -d "$HOME"`);

    expect(result).toEqual({ healthy: true, detail: 'exit status 0' });
  });

  it('tells the status and the last line of a failing one', async () => {
    expect(await run('echo first; echo no such table >&2; exit 3')).toEqual({
      healthy: false,
      detail: 'exit status 3: no such table',
    });
  });

  it('kills a command with all it started when its time is over', async () => {
    const result = await run('sleep 600 & echo $! >"$HOME/child"; wait', 300);

    const child = Number(await readFile(join(directory, 'data', 'child'), 'utf8'));
    expect(result).toEqual({ healthy: false, detail: 'no answer in 300 ms' });
    await until(async () => (await readProcess(child)) === null);
  });

  it('ends also what went into a session of its own, and nobody with another mark', async () => {
    const bystander = spawn('sleep', ['600'], { env: { ...process.env, FAIRLEAD_COMMAND: 'copied' } });
    onTestFinished(() => void bystander.kill('SIGKILL'));

    await run('setsid sh -c \'echo $$ >"$HOME/stray"; setsid sleep 600; :\' & sleep 600', 300);

    const stray = Number(await readFile(join(directory, 'data', 'stray'), 'utf8'));
    await until(async () => (await readProcess(stray)) === null);
    expect(await readProcess(bystander.pid ?? 0)).not.toBeNull();
  });

  it('does not wait for what a command left in the background, and ends it', async () => {
    const result = await run('sleep 600 & echo $! >"$HOME/child"');

    const child = Number(await readFile(join(directory, 'data', 'child'), 'utf8'));
    expect(result.healthy).toBe(true);
    await until(async () => (await readProcess(child)) === null);
  });

  it('says what cannot be run', async () => {
    const result = await prober.probe(
      {
        kind: 'exec',
        exec: ['./missing'],
        env: {},
        workingDirectory: directory,
        dataDirectory: join(directory, 'data'),
        user: null,
        timeoutMs: 1_000,
      },
      never,
    );

    expect(result).toEqual({ healthy: false, detail: 'ENOENT' });
  });
});

it('is unhealthy, and ends nobody, when this process has no descriptor left for a command', async () => {
  const module = new URL('../../../../agent/adapters/machine/run-command.ts', import.meta.url).href;
  const directory = temporaryDirectory();
  const probe = {
    ...{ kind: 'exec', exec: ['true'], env: {}, user: null, timeoutMs: 5_000 },
    ...{ workingDirectory: directory, dataDirectory: directory },
  };
  const script = `
    const { createProber } = await import(${JSON.stringify(module)});
    const { openSync } = await import('node:fs');
    const prober = createProber();
    const healthy = await prober.probe(${JSON.stringify(probe)}, new AbortController().signal);
    try { for (;;) openSync('/dev/null'); } catch {}
    const starved = await prober.probe(${JSON.stringify(probe)}, new AbortController().signal);
    await new Promise((resolve) => setImmediate(resolve));
    process.stdout.write([healthy.detail, starved.detail].join());`;

  const { stdout } = await promisify(execFile)('prlimit', [
    ...['--nofile=64', process.execPath, '--input-type=module', '-e', script],
  ]);

  expect(stdout).toBe('exit status 0,EMFILE');
});
