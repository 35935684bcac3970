// Killed at any write and run again: the same end, with no repair by hand.
import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReleaseServer, startReleaseServer, TOKEN } from '../../../support/release-server.ts';
import { createBench, PASSPHRASE, sourcesOf, type Vendor } from '../../../support/vendor.ts';

const PROGRAM = new URL('../../../../server/vendor/cli/main.ts', import.meta.url).pathname;
const KILLER = new URL('../../../support/kill-at-rename.ts', import.meta.url).href;

let server: ReleaseServer;
let directory: string;
let vendor: Vendor;
beforeAll(async () => {
  server = await startReleaseServer();
  directory = await mkdtemp(join(tmpdir(), 'fairlead-kill-'));
  vendor = createBench(directory, server);
  await vendor.write('token', TOKEN);
});
afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

/** Runs the program in a process of its own that dies at a rename; true when it was killed. */
async function runAndKill(argv: readonly string[], at: number): Promise<boolean> {
  const env = {
    ...process.env,
    KILL_AT: String(at),
    NODE_COMPILE_CACHE: join(directory, 'compiled'),
    FAIRLEAD_VENDOR_DIR: join(directory, 'workspace'),
    FAIRLEAD_PASSPHRASE: PASSPHRASE,
  };
  const child = spawn(process.execPath, ['--import', KILLER, PROGRAM, ...argv], { env, stdio: 'ignore' });
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('exit', (code, by) => resolve([code, by]));
  });
  if (signal === null && status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}`);
  return signal === 'SIGKILL';
}

/** Tries a command killed at every `step`-th point, each time from the same state, and leaves the state of a whole run. */
async function killEverywhere(argv: readonly string[], step: number): Promise<number> {
  const workspace = join(directory, 'workspace');
  const saved = join(directory, 'saved');
  await cp(workspace, saved, { recursive: true });
  let kills = 0;
  for (let at = 1; await runAndKill(argv, at); at += step) {
    kills++;
    await vendor.json(...argv);
    await vendor.json('status');
    await rm(workspace, { recursive: true });
    await cp(saved, workspace, { recursive: true });
    await forgetPublications();
  }
  await rm(saved, { recursive: true });
  return kills;
}

/** Every attempt meets the server as it was: here it takes what it is given. */
async function forgetPublications(): Promise<void> {
  server.files.clear();
  server.changes.clear();
}

// Dozens of short processes: quick on an idle machine, slow where everything else is tested at the same time.
const PATIENCE_MS = 120_000;

describe('killed and run again', { timeout: PATIENCE_MS }, () => {
  it('init ends with a repository that verifies', async () => {
    const argv = ['init', '--server', server.url, '--token-file', join(directory, 'token')];
    let kills = 0;
    for (let at = 1; await runAndKill(argv, at); at += 11) {
      kills++;
      await vendor.json(...argv);
      expect((await vendor.json('status')).roles).toHaveLength(5);
      await rm(join(directory, 'workspace'), { recursive: true });
      await forgetPublications();
    }
    expect(kills).toBeGreaterThan(1);
  });

  it('every stage reaches its end exactly once', async () => {
    const open = [
      'change',
      'open',
      '--component',
      'core/auth',
      '--version',
      '1.0.0',
      '--revision',
      'r',
      '--scope',
      's',
    ];
    const sources = await sourcesOf(vendor, 'core/auth@1.0.0');
    const kills = [
      await killEverywhere(open, 1),
      await killEverywhere(['build', 'core/auth@1.0.0', '--change', 'CHG-1', ...sources], 2),
      await killEverywhere(['verify', 'CHG-1'], 1),
      await killEverywhere(['release', 'CHG-1'], 3),
      await killEverywhere(['rollout', 'start', 'CHG-1'], 3),
    ];

    expect(kills.every((count) => count >= 2)).toBe(true);
    const { changes } = await vendor.json('change', 'list');
    expect(changes).toHaveLength(1);
    expect((changes as { stages: { stage: string }[] }[])[0]?.stages.map(({ stage }) => stage)).toEqual([
      'intake',
      'build',
      'verification',
      'release',
      'deploy',
    ]);
  });
});

describe('two commands at once', () => {
  it('the second is refused, and none is once the first was killed', async () => {
    const { DatabaseSync } = await import('node:sqlite');
    const lock = new DatabaseSync(join(directory, 'workspace', 'lock'));
    lock.exec('BEGIN EXCLUSIVE');

    expect(await vendor.refusal('renew', 'releases')).toBe('vendor/workspace-busy');
    lock.close();

    await vendor.json('renew', 'releases');
  });
});
