// An install, a server and a vendor that an earlier version left behind, unpacked and started with this one.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import type { Application } from '../labs/demo/applications.ts';
import { endProcessesOf } from '../labs/demo/leftovers.ts';
import { programDirectory } from '../labs/demo/stage.ts';
import { temporaryDirectory } from './directories.ts';
import { freePort } from './free-port.ts';
import { LOCK } from './sboms.ts';

const ARCHIVE = join(import.meta.dirname, '../vectors/earlier/install.tar.zst');
/** Where it was made; documents name it. */
const PLACE = '/tmp/earlier';
export interface Earlier {
  readonly directory: string;
  /** Of the server. */
  readonly port: string;
  run(program: string, ...argv: string[]): Promise<string>;
  start(program: string, ...argv: string[]): ChildProcess;
  /** The same directories, and the programs of another checkout. */
  withPrograms(bin: string): Earlier;
  /** The same, and another state directory of the agent. */
  withState(name: string): Earlier;
  json<Reply>(...argv: string[]): Promise<Reply>;
}

export interface EarlierStatus {
  readonly generation: number;
  readonly quarantine: readonly { readonly version: string }[];
  readonly components: readonly {
    readonly component: string;
    readonly version: string;
    readonly health: string;
  }[];
}

export interface EarlierChanges {
  readonly changes: readonly {
    readonly id: number;
    readonly state: string;
    readonly steps: readonly { readonly to: string }[];
  }[];
}

/** Removed, with what it started, when the test ends. */
export async function unpackEarlier(): Promise<Earlier> {
  const directory = temporaryDirectory();
  onTestFinished(async () => void (await endProcessesOf(directory)));
  return await unpackInto(directory);
}

/** On free ports: paths and addresses are all that is changed. */
export async function unpackInto(directory: string): Promise<Earlier> {
  const tar = spawn('tar', ['-x', '-C', directory], { stdio: ['pipe', 'ignore', 'inherit'] });
  tar.stdin.end(zstdDecompressSync(readFileSync(ARCHIVE)));
  await once(tar, 'close');
  const vendor = readFileSync(join(directory, 'vendor/vendor.json'), 'utf8');
  const oldPort = portIn(vendor);
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
  return programsOn(directory, port, programDirectory(), 'agent');
}

/** One that was unpacked before the machine was booted again. */
export function openEarlier(directory: string): Earlier {
  const vendor = readFileSync(join(directory, 'vendor/vendor.json'), 'utf8');
  return programsOn(directory, portIn(vendor), programDirectory(), 'agent');
}

const portIn = (vendor: string) => /127\.0\.0\.1:(\d+)/.exec(vendor)?.[1] ?? '';

function programsOn(directory: string, port: string, bin: string, state: string): Earlier {
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: directory,
    FAIRLEAD_DEMO: directory,
    FAIRLEAD_PASSPHRASE: 'a passphrase for the demo',
    FAIRLEAD_VENDOR_DIR: join(directory, 'vendor'),
    FAIRLEAD_STATE_DIR: join(directory, state),
  };
  const run = async (program: string, ...argv: string[]) => {
    const { stdout } = await promisify(execFile)(program, argv, { env, cwd: directory, maxBuffer: 2 ** 25 });
    return stdout;
  };
  return {
    directory,
    run,
    start: (program, ...argv) => {
      const child = spawn(program, argv, { env, cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });
      child.unref();
      return child;
    },
    withPrograms: (other) => programsOn(directory, port, other, state),
    withState: (other) => programsOn(directory, port, bin, other),
    json: async (...argv) => JSON.parse(await run('fairlead', ...argv, '--json')),
    port,
  };
}

export async function until<Result>(look: () => Promise<Result | null>): Promise<Result> {
  const end = Date.now() + 120_000;
  for (;;) {
    const found = await look().catch(() => null);
    if (found !== null) return found;
    if (Date.now() > end) throw new Error(`still waiting for ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

export function committed(json: Earlier['json'], change: number): Promise<unknown> {
  return until(async () => {
    const { changes } = await json<EarlierChanges>('changes');
    return changes.some(({ id, state }) => id === change && state === 'committed') ? change : null;
  });
}

/** Both programs run, and the install has come up on the ports that it has here. Answers the agent's process. */
export async function startEarlier({ start, json, port }: Earlier, pollInterval = 'PT1S'): Promise<number> {
  start('fairlead-server', 'run', '--dir', 'server', '--port', port);
  const { pid = 0 } = start('fairlead', 'agent', 'run', '--poll-interval', pollInterval, '--soak', 'PT1S');
  // The ports are other ones here, which is a deployment of its own.
  await committed(json, 7);
  return pid;
}

/** The vendor's stages from intake to a rollout to everybody. */
export async function releaseAnew(
  { directory, run }: Earlier,
  { component, prepare }: Application,
  version: string,
): Promise<void> {
  // Roles and tokens of the archive expire as any do.
  const token = ['token', 'create', '--dir', 'server', '--role', 'publisher', '--name', 'anew'];
  writeFileSync(join(directory, 'server/publisher.token'), await run('fairlead-server', ...token));
  await run('fairlead-vendor', 'renew');
  const prepared = await prepare(version, join(directory, 'new'));
  writeFileSync(join(directory, 'new.json'), JSON.stringify(prepared.manifest));
  // So that what is signed beside the release is there for those who do not know it.
  writeFileSync(join(prepared.directory, 'package-lock.json'), JSON.stringify(LOCK));
  const intake = [
    '--component',
    component,
    '--version',
    version,
    '--revision',
    'git:1',
    '--scope',
    'goes on',
  ];
  const change = /CHG-\d+/.exec(await run('fairlead-vendor', 'change', 'open', ...intake))?.[0] ?? '';
  const from = ['--from', prepared.directory, '--manifest', 'new.json'];
  await run('fairlead-vendor', 'build', `${component}@${version}`, '--change', change, ...from);
  await run('fairlead-vendor', 'verify', change);
  await run('fairlead-vendor', 'release', change);
  await run('fairlead-vendor', 'rollout', 'start', change, '--track', 'stable', '--waves', '100%');
}
