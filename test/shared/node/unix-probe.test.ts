// Probes at a socket of the service's own: what they see there, and whose socket they never ask.
import { execFileSync, spawn } from 'node:child_process';
import { linkSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { connect, createServer as createNetServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask } from '../../../shared/node/probes/ask.ts';
import { type HealthProbe, healthProbe, renderProbe } from '../../../shared/schema/probes/probes.ts';
import { temporaryDirectory } from '../../support/directories.ts';

let data: string;
/** Below it stands what is not the service's. */
let machine: string;
let open: Server[];

beforeEach(() => {
  const ground = temporaryDirectory();
  data = join(ground, 'data');
  machine = join(ground, 'machine');
  mkdirSync(data);
  mkdirSync(machine);
  open = [];
});
afterEach(() => {
  for (const server of open) server.close();
});

async function listen(server: Server, path: string): Promise<void> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

/** Notes what it was asked. */
function answering(answer: RequestListener): { readonly server: Server; readonly asked: string[] } {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.host}`);
    answer(request, response);
  });
  return { server, asked };
}

async function probe(spec: object, values: Readonly<Record<string, string>> = {}) {
  const parsed: HealthProbe = healthProbe.parse(spec);
  const fill = (text: string) =>
    text.replace(/\$\{settings\.(\w+)\}/g, (_, name: string) => values[name] ?? '');
  const question = renderProbe(parsed, { tree: '/tree', data, fill });
  const run = () => Promise.reject(new Error('no command'));
  return ask({ ...question, timeoutMs: 2_000 }, run, new AbortController().signal);
}

describe('a socket probe', () => {
  it('is healthy while somebody listens, and only then', async () => {
    await listen(
      createNetServer((socket) => socket.end()),
      join(data, 'web.sock'),
    );

    expect(await probe({ unix: '${dir.data}/web.sock' })).toEqual({ healthy: true, detail: 'connected' });
    expect(await probe({ unix: '${dir.data}/other.sock' })).toEqual({ healthy: false, detail: 'ENOENT' });
  });

  it('asks over HTTP, and expects of the answer what an http probe does', async () => {
    mkdirSync(join(data, 'run'));
    const { server, asked } = answering((_, response) => response.end('ready'));
    await listen(server, join(data, 'run/web.sock'));
    const at = { unix: '${dir.data}/run/web.sock', get: '/health?full' };

    expect(await probe(at)).toEqual({ healthy: true, detail: 'HTTP 200' });
    expect(await probe({ ...at, contains: 'ready' })).toEqual({ healthy: true, detail: 'HTTP 200' });
    expect(await probe({ ...at, expect: 204 })).toMatchObject({ detail: 'HTTP 200 instead of 204: ready' });
    expect(await probe({ ...at, contains: 'done' })).toMatchObject({ healthy: false });
    expect(new Set(asked)).toEqual(new Set(['GET /health?full localhost']));
  });

  it('reaches a socket below a path longer than the system takes for one', async () => {
    const deep = join(data, ...Array.from({ length: 4 }, () => 'd'.repeat(60)));
    mkdirSync(deep, { recursive: true });
    await listen(
      createNetServer((socket) => socket.end()),
      join(data, 's'),
    );
    renameSync(join(data, 's'), join(deep, 's'));

    const unix = `\${dir.data}/${deep.slice(data.length + 1)}/s`;

    expect(await probe({ unix })).toMatchObject({ healthy: true });
  });

  it('waits for no answer that never comes', async () => {
    const { server } = answering(() => undefined);
    await listen(server, join(data, 'web.sock'));

    expect(await probe({ unix: '${dir.data}/web.sock', get: '/' })).toEqual({
      healthy: false,
      detail: 'no answer in 2000 ms',
    });
    server.close();
  });

  it('follows no redirect', async () => {
    const { server, asked } = answering((_, response) => response.writeHead(302, { location: '/b' }).end());
    await listen(server, join(data, 'web.sock'));

    expect(await probe({ unix: '${dir.data}/web.sock', get: '/a' })).toMatchObject({ healthy: false });
    expect(asked).toHaveLength(1);
  });

  it('says that a queue of connections is full, which is no shortage of this machine', async () => {
    const path = join(data, 'web.sock');
    const script = `require('node:net').createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => console.log('ready'))`;
    const stopped = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((ready) => stopped.stdout.once('data', ready));
    stopped.kill('SIGSTOP');
    const waiting = Array.from({ length: 8 }, () => connect(path).on('error', () => undefined));
    await Promise.all(
      waiting.map((socket) => new Promise((known) => socket.once('connect', known).once('error', known))),
    );

    const answer = await probe({ unix: '${dir.data}/web.sock' });

    for (const socket of waiting) socket.destroy();
    stopped.kill('SIGKILL');
    expect(answer).toEqual({ healthy: false, detail: 'its queue of connections is full' });
  });

  interface Elsewhere {
    readonly name: string;
    readonly place?: () => void;
    readonly unix: string;
    readonly values?: Readonly<Record<string, string>>;
  }

  const ELSEWHERE: readonly Elsewhere[] = [
    {
      name: 'a link to it',
      place: () => symlinkSync(join(machine, 's'), join(data, 's')),
      unix: '${dir.data}/s',
    },
    {
      name: 'a link of its own to it',
      place: () => symlinkSync('../machine/s', join(data, 's')),
      unix: '${dir.data}/s',
    },
    {
      name: 'a link on the way to it',
      place: () => symlinkSync(machine, join(data, 'run')),
      unix: '${dir.data}/run/s',
    },
    {
      name: 'a link to a link',
      place: () => {
        symlinkSync(machine, join(data, 'a'));
        symlinkSync('a', join(data, 'b'));
      },
      unix: '${dir.data}/b/s',
    },
    {
      name: 'a second name for it',
      place: () => linkSync(join(machine, 's'), join(data, 's')),
      unix: '${dir.data}/s',
    },
    { name: 'a setting', unix: '${dir.data}/${settings.name}', values: { name: '../machine/s' } },
    { name: 'a setting that is above', unix: '${dir.data}/${settings.up}/machine/s', values: { up: '..' } },
    { name: 'a setting of a NUL', unix: '${dir.data}/${settings.name}', values: { name: '../machine/s\0' } },
  ];

  it.each(ELSEWHERE)(
    'asks nothing of a socket of the machine behind $name',
    async ({ place, unix, values }) => {
      const { server, asked } = answering((_request, response) => response.end('containers'));
      let connections = 0;
      server.on('connection', () => connections++);
      await listen(server, join(machine, 's'));
      place?.();

      const answers = [await probe({ unix }, values), await probe({ unix, get: '/containers/json' }, values)];

      expect(answers.map(({ healthy }) => healthy)).toEqual([false, false]);
      expect(JSON.stringify(answers)).not.toContain('containers');
      expect([connections, asked]).toEqual([0, []]);
    },
  );

  it.each([
    ['a file', () => writeFileSync(join(data, 's'), 'x')],
    ['a directory', () => mkdirSync(join(data, 's'))],
    ['a pipe', () => void execFileSync('mkfifo', [join(data, 's')])],
  ])('takes %s for no socket, and does not wait for it', async (_, place) => {
    place();

    expect(await probe({ unix: '${dir.data}/s' })).toEqual({
      healthy: false,
      detail: 'what is there is no socket',
    });
  });
});
