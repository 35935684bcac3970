// `verify --run`: a service is really started, probed and tested here, in bounded time, and nothing of it stays.
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../../support/free-port.ts';
import { createVendor, openAndBuild, type Vendor } from '../../../support/vendor.ts';

let vendor: Vendor;
beforeAll(async () => {
  // What trials leave is looked for here: other files have trials of their own meanwhile.
  const own = await mkdtemp(join(tmpdir(), 'own-'));
  await chmod(own, 0o755);
  vi.stubEnv('TMPDIR', own);
  vendor = await createVendor();
});
afterAll(async () => {
  await vendor.close();
  await rm(tmpdir(), { recursive: true });
  vi.unstubAllEnvs();
});

const SERVE = `
const { spawn } = require('node:child_process');
require('node:http').createServer((_, answer) => answer.end('well, ' + process.getuid()))
  .listen(Number(process.env.PORT), '127.0.0.1');
`;
const FAST = { interval: 'PT1S', successes: 2, failures: 2, startPeriod: 'PT20S' };

/** Stages 1 and 2 of a service with this source; answers the change's id. */
async function built(name: string, source: string, more: object = {}): Promise<string> {
  const port = await freePort();
  await vendor.write(`core-${name}-1.0.0/server.cjs`, source);
  return openAndBuild(vendor, `core/${name}@1.0.0`, {
    service: { driver: 'process', exec: ['node', 'server.cjs'], env: { PORT: '${settings.port}' } },
    settings: { port: { type: 'integer', default: port } },
    health: [{ http: 'http://127.0.0.1:${settings.port}/', contains: 'well', ...FAST }],
    ...more,
  });
}

async function scratchLeft(): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('fairlead-trial-'));
}

/** Every process of a trial of this file: other files try releases at the same time. */
async function processesLeft(): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const texts = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')),
  );
  return pids.filter((_, at) => texts[at]?.includes('FAIRLEAD_TRIAL=') && texts[at].includes(tmpdir()));
}

function checkOf(
  answer: Record<string, unknown>,
  name: string,
): { outcome: string; detail: string } | undefined {
  const { stages } = answer.change as { stages: { details: { checks?: { check: string }[] } }[] };
  const check = stages.flatMap(({ details }) => details.checks ?? []).find((each) => each.check === name);
  return check as { outcome: string; detail: string } | undefined;
}

describe('a trial', () => {
  it('starts, probes and tests the service, and stands on the record', async () => {
    const id = await built('fine', SERVE, { smoke: [{ exec: ['node', '-e', 'process.exit(0)'] }] });

    const answer = await vendor.json('verify', id, '--run');

    expect(checkOf(answer, 'run')).toMatchObject({ outcome: 'passed' });
    expect(await scratchLeft()).toEqual([]);
    expect(await processesLeft()).toEqual([]);
  });

  it('asks as an install does: credentials, certificates, sockets', async () => {
    const at = "require('node:path').join(process.env.HOME, 'web.sock')";
    const socket = `require('node:http').createServer((_, answer) => answer.end('at the socket')).listen(${at});`;
    const locked = SERVE.replace(
      "answer.end('well",
      "answer.writeHead(_.headers.authorization ? 200 : 401).end('well",
    );
    const health = [
      { http: 'http://${settings.user}:${settings.user}@127.0.0.1:${settings.port}/', ...FAST },
      { unix: '${dir.data}/web.sock', get: '/', contains: 'socket', ...FAST },
    ];
    const settings = {
      port: { type: 'integer', default: await freePort() },
      user: { type: 'string', default: 'ada' },
    };
    const id = await built('asked', locked + socket, { health, settings });

    expect(checkOf(await vendor.json('verify', id, '--run'), 'run')).toMatchObject({ outcome: 'passed' });
  });

  it('is not made unless it is asked for', async () => {
    const id = await built('quiet', SERVE);

    expect(checkOf(await vendor.json('verify', id), 'run')).toBeUndefined();
  });

  it('gives up the rights of root', async () => {
    if (process.getuid?.() !== 0) return;
    const probe = { http: 'http://127.0.0.1:${settings.port}/', contains: 'well, 65534', ...FAST };
    const id = await built('nobody', SERVE, { health: [probe] });

    expect(checkOf(await vendor.json('verify', id, '--run'), 'run')).toMatchObject({ outcome: 'passed' });
  });

  it.each([
    [
      'ends at once',
      'console.error("no database"); process.exit(3)',
      {},
      /exit status 3; it wrote: .*no database/,
    ],
    ['answers wrongly', SERVE.replace('well', 'ill'), {}, /not well within|without "well"/],
    ['never answers', 'setInterval(() => {}, 1000)', {}, /ECONNREFUSED|not well/],
    [
      'fails its smoke test',
      SERVE,
      { smoke: [{ exec: ['node', '-e', 'process.exit(7)'] }] },
      /smoke test .*exit status 7/,
    ],
  ])('fails a service that %s, and says why', async (name, source, more, reason) => {
    const id = await built(name.replaceAll(' ', '-'), source, more);

    const answer = await vendor.run('verify', id, '--run', '--within', '3s');

    expect(answer.status).toBe(4);
    expect(answer.err).toMatch(reason);
    expect(await processesLeft()).toEqual([]);
  });

  it('ends what the service left behind in a session of its own', async () => {
    const left = `spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' }).unref();`;
    const id = await built('forks', SERVE + left);

    await vendor.json('verify', id, '--run');

    expect(await processesLeft()).toEqual([]);
    expect(await scratchLeft()).toEqual([]);
  });

  it('does not take another program on the port for the service', async () => {
    const port = await freePort();
    const other = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const id = await built('busy', SERVE, { health: [{ tcp: `127.0.0.1:${port}`, ...FAST }] });

    const answer = await vendor.run('verify', id, '--run', '--within', '5s');
    other.close();

    expect(answer.err).toContain('answers before the service is started');
  });

  it('asks for a value where a setting has no default', async () => {
    const settings = { port: { type: 'integer' }, key: { type: 'string', minLength: 3 } };
    const id = await built('keyed', SERVE, { settings });
    const port = `port=${await freePort()}`;

    expect(await vendor.refusal('verify', id, '--run')).toBe('vendor/trial-impossible');
    expect(await vendor.refusal('verify', id, '--run', '--set', 'key=x')).toBe('vendor/option-invalid');
    expect(await vendor.refusal('verify', id, '--run', '--set', 'none=x')).toBe('vendor/option-invalid');
    const answer = await vendor.json('verify', id, '--run', '--set', port, '--set', 'key=long');
    expect(checkOf(answer, 'run')).toMatchObject({ outcome: 'passed' });
  });

  it('of what is verified already is told and audited, and changes no record', async () => {
    const id = await built('later', SERVE);
    const before = await vendor.json('verify', id);

    const again = await vendor.json('verify', id, '--run');

    expect(again.change).toEqual(before.change);
    const { acts } = await vendor.json('trace', id);
    expect((acts as { action: string }[]).map(({ action }) => action)).toContain('verify run');
  });

  it('runs a service by commands of its own, and its own stop', async () => {
    const control = [
      '#!/bin/sh',
      'case $1 in',
      '  start) node server.cjs & echo $! > "$HOME/pid" ;;',
      '  stop) kill "$(cat "$HOME/pid")" ;;',
      '  status) kill -0 "$(cat "$HOME/pid")" ;;',
      'esac',
    ].join('\n');
    await vendor.write('core-own-1.0.0/ctl', control);
    const command = (word: string) => ['sh', 'ctl', word];
    const id = await built('own', SERVE, {
      service: {
        ...{ driver: 'command', start: command('start'), stop: command('stop'), status: command('status') },
        env: { PORT: '${settings.port}' },
      },
    });

    expect(checkOf(await vendor.json('verify', id, '--run'), 'run')).toMatchObject({ outcome: 'passed' });
    expect(await processesLeft()).toEqual([]);
  });
});

describe('changes that need one another', () => {
  const pair = async (name: string) => [
    await openAndBuild(vendor, `core/${name}-web@2.0.0`, { requires: { [`core/${name}-gate`]: '^2.0.0' } }),
    await openAndBuild(vendor, `core/${name}-gate@2.0.0`, { requires: { [`core/${name}-web`]: '^2.0.0' } }),
  ];

  it('are verified and released as one, every stage on each record', async () => {
    const [web = '', gate = ''] = await pair('one');

    expect(await vendor.refusal('verify', web)).toBe('vendor/verification-failed');
    await vendor.json('verify', web, gate);
    expect(await vendor.refusal('release', web)).toBe('vendor/incomplete');
    const published = vendor.server.publications();
    const { records } = await vendor.json('release', web, gate);

    expect((records as { release: string }[]).every(({ release }) => release !== null)).toBe(true);
    expect(vendor.server.publications()).toBe(published + 1);
    for (const id of [web, gate]) {
      const { change } = await vendor.json('change', 'show', id);
      const stages = (change as { stages: { stage: string }[] }).stages.map(({ stage }) => stage);
      expect(stages.at(-1)).toBe('release');
      const { acts } = await vendor.json('trace', id);
      expect((acts as { action: string }[]).map(({ action }) => action)).toContain('release');
    }
  });

  it('are each refused before their turn', async () => {
    const [web = '', gate = ''] = await pair('two');

    expect(await vendor.refusal('release', web, gate)).toBe('vendor/stage-not-due');
    await vendor.json('verify', web, gate);
    expect(await vendor.refusal('rollout', 'start', web)).toBe('vendor/stage-not-due');
    await vendor.json('change', 'abandon', gate, '--reason', 'x');
    expect(await vendor.refusal('release', web, gate)).toBe('vendor/change-closed');
    expect(await vendor.refusal('release', web)).toBe('vendor/incomplete');
  });
});
