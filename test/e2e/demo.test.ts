// The offline demo as a stranger runs it: the script, the real programs, and what they leave on disk.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { type DeploymentRecord, deploymentRecord } from '../../shared/schema/deployment.ts';
import { processesOf } from '../labs/demo/leftovers.ts';
import { temporaryDirectory } from '../support/directories.ts';
import { findUnreadable } from '../support/earlier-formats.ts';

const DEMO = join(import.meta.dirname, '..', '..', 'scripts', 'demo');
// A minute on an idle machine; the other tests are not idle.
const PATIENCE_MS = 300_000;

interface Ended {
  readonly status: number | null;
  readonly output: string;
}

/** In `cwd`, as a person types it; `onOutput` sees what has been printed so far. */
async function demo(
  cwd: string,
  argv: readonly string[],
  onOutput?: (output: string, pid: number) => void,
): Promise<Ended> {
  const child = spawn(DEMO, argv, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let seen = '';
  child.stdout.on('data', (chunk) => {
    seen += chunk;
    onOutput?.(seen, child.pid ?? 0);
  });
  const errors = text(child.stderr);
  const status = await new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  return { status, output: seen + (await errors) };
}

async function readRecords(stateDir: string): Promise<readonly DeploymentRecord[]> {
  const names = (await readdir(join(stateDir, 'records'))).filter((name) => /^\d+\.json$/.test(name));
  const records = await Promise.all(
    names.map(async (name) =>
      deploymentRecord.parse(JSON.parse(await readFile(join(stateDir, 'records', name), 'utf8'))),
    ),
  );
  return records.sort((a, b) => a.id - b.id);
}

describe('scripts/demo --offline', { timeout: PATIENCE_MS }, () => {
  it('deploys six releases, the last of which comes back by itself, and says so', async () => {
    const parent = temporaryDirectory();
    const ended = await demo(parent, ['--offline', '--dir', 'a demo']);

    expect(ended, ended.output).toMatchObject({ status: 0 });
    const directory = join(parent, 'a demo');
    expect(await readdir(directory)).toEqual(expect.arrayContaining(['agent', 'server', 'vendor']));
    expect(await processesOf(directory)).toEqual([]);

    const summary = ended.output.slice(ended.output.indexOf('What was deployed, when, and why'));
    const rows = summary.split('\n').filter((line) => /^\d +\d\d:\d\d:\d\d /.test(line));
    const ends = rows.map((row) => /committed|rolled-back/.exec(row)?.[0]);
    expect(ends).toEqual([...Array(5).fill('committed'), 'rolled-back']);

    const records = await readRecords(join(directory, 'agent'));
    const moves = records.map(({ state, reason, steps }) => {
      const [step] = steps;
      return `${reason.kind}: ${step?.component} ${step?.from} → ${step?.to} ${state} (${step?.change})`;
    });
    expect(moves).toEqual([
      'channel: tools/notes-editor null → 1.2.7 committed (CHG-1)',
      'channel: tools/file-registry null → 5.33.0 committed (CHG-2)',
      'forced: tools/notes-editor 1.2.7 → 1.2.9 committed (CHG-4)',
      'channel: tools/notes-editor 1.2.9 → 1.3.7 committed (CHG-3)',
      'channel: tools/file-registry 5.33.0 → 6.1.2 committed (CHG-5)',
      'channel: tools/file-registry 6.1.2 → 6.1.3 rolled-back (CHG-6)',
    ]);
    expect(records.at(-1)?.failure?.code).toBe('deploy/unhealthy');
    const current = basename(await readlink(join(directory, 'agent', 'current')));
    expect(current).toBe(String(records.at(-1)?.previousGeneration));

    // Whoever returns to the version before this one finds what it can read. That nobody promised a way back is a word it
    // did not have: it took silence for a promise. How the files came, and the proof in the record of a forced patch, are left
    // out by every agent that can be returned to; these schemas are from a day before the first of them.
    const UNDECLARED = 'Invalid option: expected one of "yes"|"snapshot"|"no"';
    expect(findUnreadable(directory)).toEqual([
      'deployment-record: Unrecognized key: "fetched"',
      'deployment-record: Unrecognized keys: "fix", "fetched"',
      `plan: reversible ${UNDECLARED}`,
      `plan: steps.N.reversible ${UNDECLARED}`,
    ]);
  });

  it('ends what a killed demo left running, starts afresh, and leaves nothing when it is interrupted', async () => {
    const parent = temporaryDirectory();
    const directory = join(parent, 'demo');
    const argv = ['--offline', '--dir', directory];
    const killed = await demo(parent, argv, (output, pid) => {
      if (output.includes('notes-editor 1.2.7 is committed')) process.kill(pid, 'SIGKILL');
    });
    expect(killed.status).toBeNull();
    // Server, agent and one application.
    const left = (await processesOf(directory)).map(({ pid }) => pid);
    expect(left.length).toBeGreaterThanOrEqual(3);

    const interrupted = await demo(parent, argv, (output, pid) => {
      if (output.includes('the release server is ready')) process.kill(pid, 'SIGINT');
    });

    expect(interrupted).toMatchObject({ status: 130 });
    expect(interrupted.output).toContain('of an earlier demo');
    expect(await processesOf(directory)).toEqual([]);
    expect(left.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(existsSync(join(directory, 'agent'))).toBe(false);
  });

  it('leaves a directory alone that is no demo’s', async () => {
    const ended = await demo(temporaryDirectory(), ['--offline', '--dir', '/etc']);

    expect(ended).toMatchObject({ status: 1 });
    expect(ended.output).toContain('/etc is not empty');
  });
});
