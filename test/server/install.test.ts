// A release server as a service of the machine, by the commands that an administrator types.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:https';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { installSteps } from '../../server/cli/install.ts';
import { RUN_OPTIONS } from '../../server/cli/run-options.ts';
import { readServerUnit, renderServerUnit, SERVER_UNIT, typedOptions } from '../../server/cli/unit.ts';
import { describeBooted } from '../support/booted.ts';
import { ownByRoot } from '../support/owned-by-root.ts';
import { callServer, PROGRAM } from '../support/server-process.ts';

const DIR = '/var/lib/fairlead-server';
const UNIT_FILE = `/etc/systemd/system/${SERVER_UNIT}`;
const unitOf = (values: Readonly<Record<string, unknown>>) =>
  renderServerUnit({ program: ['/usr/bin/true'], dir: DIR, options: typedOptions(RUN_OPTIONS, values) });

describe('the unit of a release server', () => {
  it('says what was typed and nothing besides', () => {
    const unit = unitOf({
      host: '0.0.0.0',
      port: 8443,
      behindProxy: true,
      trustProxy: ['10.0.0.0/8', '::1'],
      repositoryAccess: 'public',
    });

    expect(unit).toContain(
      '"run" "--dir" "/var/lib/fairlead-server" "--host" "0.0.0.0" "--port" "8443" "--trust-proxy" "10.0.0.0/8,::1" "--behind-proxy"\n',
    );
    expect(unit).not.toContain('CAP_NET_BIND_SERVICE');
  });

  it('hands files over as credentials, whatever their names hold', () => {
    const unit = unitOf({ tlsKey: '/etc/100% ours/$key' });

    expect(unit).toContain('"--tls-key" "%d/tls-key"');
    expect(unit).toContain('LoadCredential=tls-key:/etc/100%% ours/$key\n');
    expect(() => unitOf({ tlsKey: '/etc/key\nUser=root' })).toThrow(
      expect.objectContaining({ code: 'service/manager-failed' }),
    );
  });

  it('writes the repository where that lies elsewhere, and may take a low port', () => {
    expect(unitOf({ repository: '/srv/packs' })).toContain(
      'ReadWritePaths="/var/lib/fairlead-server" "/srv/packs"',
    );
    expect(unitOf({ repository: 's3://bucket/prefix' })).toContain(
      'ReadWritePaths="/var/lib/fairlead-server"\n',
    );
    expect(unitOf({ port: 443 })).toContain('AmbientCapabilities=CAP_NET_BIND_SERVICE');
  });

  it('can be read again as it was typed', () => {
    const value = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
    // As a command line takes a file: a path whose name ends no line.
    const file = fc.string({ unit: 'grapheme-ascii' }).map((text) => `/${text.replace(/["'\\]|\s+$/g, '')}x`);
    const options = RUN_OPTIONS.map(({ flags }) => {
      const [flag = '', kind] = flags.split(' ');
      if (kind === undefined) return fc.constant({ flag, value: null, isFile: false });
      const said = kind === '<file>' ? file : value;
      return said.map((text) => ({ flag, value: text, isFile: kind === '<file>' }));
    });
    fc.assert(
      fc.property(
        value,
        fc.subarray(options).chain((some) => fc.tuple(...some)),
        (dir, typed) => {
          const unit = renderServerUnit({ program: ['/usr/bin/true'], dir, options: typed });

          expect(readServerUnit(unit, RUN_OPTIONS)).toEqual({ dir, options: typed });
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is not guessed at where it is somebody else’s, or takes what this program does not know', () => {
    const earlier = unitOf({}).replace('"run"', '"run" "--dir" "/srv" "--gone"');

    expect(readServerUnit('[Service]\nExecStart=/usr/bin/fairlead-server run\n', RUN_OPTIONS)).toBeNull();
    expect(() => readServerUnit(earlier, RUN_OPTIONS)).toThrow(
      expect.objectContaining({ code: 'service/manager-failed' }),
    );
  });

  it('takes over the directory that root has made, once', () => {
    const unit = { program: ['/usr/bin/true'], dir: DIR, options: [] };
    const owned = { kind: 'run', argv: ['chown', '-hR', 'fairlead-server:fairlead-server', DIR] };

    expect(installSteps(unit, true)).toContainEqual(owned);
    expect(installSteps(unit, false)).not.toContainEqual(owned);
  });
});

describeBooted('a release server on a machine', import.meta.filename, () => {
  const words = [
    '--dir',
    DIR,
    '--port',
    '443',
    '--tls-cert',
    '/etc/tls/cert.pem',
    '--tls-key',
    '/etc/tls/key.pem',
  ];

  beforeAll(() => {
    mkdirSync('/etc/tls', { mode: 0o700 });
    const made = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=localhost',
    ];
    execFileSync('openssl', [...made, '-keyout', '/etc/tls/key.pem', '-out', '/etc/tls/cert.pem'], {
      stdio: 'ignore',
    });
    for (const path of [PROGRAM, process.execPath, new URL('../../server/main.ts', import.meta.url).pathname])
      ownByRoot(path);
  });

  it('is refused before it has a directory', async () => {
    expect(await callServer(['install', ...words])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('fairlead-server init'),
    });
    expect(existsSync(UNIT_FILE)).toBe(false);
  });

  it('serves as an account of its own, with files that account cannot read', {
    timeout: 240_000,
  }, async () => {
    await callServer(['init', '--dir', DIR, '--public-url', 'https://localhost']);

    const installed = await callServer(['install', ...words]);
    const again = await callServer(['install', ...words]);
    const asItIs = await callServer(['reinstall']);

    expect(installed).toMatchObject({ status: 0, stdout: expect.stringContaining(`wrote ${UNIT_FILE}`) });
    expect(again).toMatchObject({ status: 0, stdout: expect.not.stringContaining('wrote') });
    expect(asItIs).toMatchObject({ status: 0, stdout: expect.not.stringContaining('wrote') });
    expect(await statusOf('/readyz')).toBe(200);
    const pid = spawnSync('systemctl', ['show', '-P', 'MainPID', SERVER_UNIT], {
      encoding: 'utf8',
    }).stdout.trim();
    expect(statSync(`/proc/${pid}`).uid).toBe(statSync(DIR).uid);
    expect(statSync(DIR).uid).not.toBe(0);
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^CapEff:\s0*400$/m);
  });

  it('is written to by root’s commands without being taken from its account', {
    timeout: 60_000,
  }, async () => {
    const words = ['token', 'create', '--dir', DIR, '--role', 'viewer', '--name', 'dashboard'];
    expect(await callServer(words)).toMatchObject({ status: 0 });

    const others = spawnSync('find', [DIR, '!', '-user', 'fairlead-server'], { encoding: 'utf8' });
    expect(others.stdout).toBe('');
    expect(await statusOf('/readyz')).toBe(200);
  });

  it('is exposed to 2.0 at most', () => {
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=yes', UNIT_FILE], {
      encoding: 'utf8',
    });

    expect(Number(/exposure level for .*: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(2);
  });

  it('leaves its directory and its account when it is removed', { timeout: 60_000 }, async () => {
    expect(await callServer(['uninstall'])).toMatchObject({ status: 0 });

    expect([UNIT_FILE, '/etc/sysusers.d/fairlead-server.conf'].filter(existsSync)).toEqual([]);
    expect(existsSync(DIR)).toBe(true);
    expect(await statusOf('/readyz')).toBe(0);
  });
});

/** 0 where nobody answers. */
function statusOf(path: string): Promise<number> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port: 443, path, rejectUnauthorized: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.once('error', () => resolve(0));
    asked.end();
  });
}
