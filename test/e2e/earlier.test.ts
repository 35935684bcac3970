// An install and a server that an earlier version left behind go on with this one: nothing is migrated by hand.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { endProcessesOf } from '../labs/demo/leftovers.ts';
import { createOfflineEdition } from '../labs/demo/offline-edition.ts';
import { temporaryDirectory } from '../support/directories.ts';
import { freePort } from '../support/free-port.ts';

const BIN = join(import.meta.dirname, '../../scripts/bin');
const ARCHIVE = join(import.meta.dirname, '../vectors/earlier/install.tar.zst');
/** Where it was made; documents name it. */
const PLACE = '/tmp/earlier';
const PATIENCE_MS = 300_000;

interface Earlier {
  readonly directory: string;
  /** Of the server. */
  readonly port: string;
  run(program: string, ...argv: string[]): Promise<string>;
  start(program: string, ...argv: string[]): void;
  json<Reply>(...argv: string[]): Promise<Reply>;
}

interface Status {
  readonly generation: number;
  readonly quarantine: readonly { readonly version: string }[];
  readonly components: readonly {
    readonly component: string;
    readonly version: string;
    readonly health: string;
  }[];
}

interface Changes {
  readonly changes: readonly {
    readonly id: number;
    readonly state: string;
    readonly steps: readonly { readonly to: string }[];
  }[];
}

/** Unpacked here, on free ports: paths and addresses are all that is changed. */
async function unpackEarlier(): Promise<Earlier> {
  const directory = temporaryDirectory();
  const tar = spawn('tar', ['-x', '-C', directory], { stdio: ['pipe', 'ignore', 'inherit'] });
  tar.stdin.end(zstdDecompressSync(readFileSync(ARCHIVE)));
  await once(tar, 'close');
  const vendor = readFileSync(join(directory, 'vendor/vendor.json'), 'utf8');
  const oldPort = /127\.0\.0\.1:(\d+)/.exec(vendor)?.[1] ?? '';
  const port = String(await freePort());
  const replace = (path: string, ...pairs: readonly [string, string][]) => {
    const text = readFileSync(join(directory, path), 'utf8');
    writeFileSync(
      join(directory, path),
      pairs.reduce((all, [from, to]) => all.replaceAll(from, to), text),
    );
  };
  replace('vendor/vendor.json', [PLACE, directory], [oldPort, port]);
  replace('agent/enrolment.json', [oldPort, port]);
  const instance = readFileSync(join(directory, 'agent/instance.json'), 'utf8');
  for (const [, old = ''] of instance.matchAll(/"port": (\d+)/g)) {
    replace('agent/instance.json', [old, String(await freePort())]);
  }
  const env = {
    PATH: `${BIN}:${process.env.PATH}`,
    HOME: directory,
    FAIRLEAD_DEMO: directory,
    FAIRLEAD_PASSPHRASE: 'a passphrase for the demo',
    FAIRLEAD_VENDOR_DIR: join(directory, 'vendor'),
    FAIRLEAD_STATE_DIR: join(directory, 'agent'),
  };
  onTestFinished(async () => void (await endProcessesOf(directory)));
  const run = async (program: string, ...argv: string[]) => {
    const { stdout } = await promisify(execFile)(program, argv, { env, cwd: directory, maxBuffer: 2 ** 25 });
    return stdout;
  };
  return {
    directory,
    run,
    start: (program, ...argv) =>
      void spawn(program, argv, { env, cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] }).unref(),
    json: async (...argv) => JSON.parse(await run('fairlead', ...argv, '--json')),
    port,
  };
}

async function until<Result>(look: () => Promise<Result | null>): Promise<Result> {
  const end = Date.now() + 120_000;
  for (;;) {
    const found = await look().catch(() => null);
    if (found !== null) return found;
    if (Date.now() > end) throw new Error(`still waiting for ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function committed(json: Earlier['json'], change: number): Promise<unknown> {
  return until(async () => {
    const { changes } = await json<Changes>('changes');
    return changes.some(({ id, state }) => id === change && state === 'committed') ? change : null;
  });
}

describe('what an earlier version left behind', { timeout: PATIENCE_MS }, () => {
  it('goes on: it is read, healthy, updated, rolled back, and its history stays', async () => {
    const earlier = await unpackEarlier();
    const { directory, run, start, json } = earlier;

    start('fairlead-server', 'run', '--dir', 'server', '--port', earlier.port);
    start('fairlead', 'agent', 'run', '--poll-interval', 'PT1S', '--soak', 'PT1S');
    // The ports are other ones here, which is a deployment of its own.
    await committed(json, 7);
    const status = await json<Status>('status');
    expect(status.components.map(({ health }) => health)).toEqual(['healthy', 'healthy']);
    expect(status.components.map(({ version }) => version)).toEqual(['6.1.2', '1.3.7']);
    expect(status.quarantine.map(({ version }) => version)).toEqual(['6.1.3']);
    const { changes } = await json<Changes>('changes');
    expect(changes.map(({ state }) => state)).toEqual([
      ...Array(5).fill('committed'),
      'rolled-back',
      'committed',
    ]);
    await run('fairlead', 'verify');
    await run('fairlead', 'audit', 'verify');

    // Roles and tokens of the archive expire as any do.
    const token = await run(
      'fairlead-server',
      'token',
      'create',
      '--dir',
      'server',
      '--role',
      'publisher',
      '--name',
      'anew',
    );
    writeFileSync(join(directory, 'server/publisher.token'), token);
    await run('fairlead-vendor', 'renew');
    const { editor } = createOfflineEdition();
    const prepared = await editor.prepare('1.3.8', join(directory, 'new'));
    writeFileSync(join(directory, 'new.json'), JSON.stringify(prepared.manifest));
    const release = `${editor.component}@1.3.8`;
    const opened = await run(
      'fairlead-vendor',
      'change',
      'open',
      '--component',
      editor.component,
      '--version',
      '1.3.8',
      '--revision',
      'git:1',
      '--scope',
      'goes on',
    );
    const change = /CHG-\d+/.exec(opened)?.[0] ?? '';
    await run(
      'fairlead-vendor',
      'build',
      release,
      '--change',
      change,
      '--from',
      prepared.directory,
      '--manifest',
      'new.json',
    );
    await run('fairlead-vendor', 'verify', change);
    await run('fairlead-vendor', 'release', change);
    await run('fairlead-vendor', 'rollout', 'start', change, '--track', 'stable', '--waves', '100%');
    await committed(json, 8);

    await run('fairlead', 'rollback', '--to', String(status.generation), '--reason', 'as it was before');
    const after = await json<Status>('status');
    expect(after.components.map(({ version }) => version)).toEqual(['6.1.2', '1.3.7']);
    expect(await run('fairlead-vendor', 'trace', 'CHG-4')).toContain('committed');
    expect(readdirSync(join(directory, 'agent/records'))).toContain('9.json');
  });
});
