// The quick start, walked as a newcomer would: every command of the page in one shell, its output compared.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../support/directories.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const GUIDE = readFileSync(join(ROOT, 'docs/guide/quick-start.md'), 'utf8');
// Half a minute of work for one processor; a busy machine may take its time.
const LIMIT_MS = 360_000;
const MARK = '----- block';

interface Step {
  readonly commands: string;
  /** What the page says they print; `…` stands for lines it leaves out. */
  readonly promised: string;
}

describe('the quick start', () => {
  it('does and prints what it says', { timeout: LIMIT_MS }, async () => {
    const directory = temporaryDirectory();
    onTestFinished(() => stopEverythingIn(directory));
    const steps = await readSteps();

    const printed = await walk(steps, directory);

    for (const [index, { promised }] of steps.entries()) {
      const lines = maskAll(promised);
      expect(keepInOrder(maskAll(printed[index] ?? ''), lines)).toEqual(lines);
    }
  });
});

/** The page's own ports may be taken here. */
async function readSteps(): Promise<readonly Step[]> {
  const [server, app] = [String(await freePort()), String(await freePort())];
  const page = GUIDE.replaceAll('8080', server).replaceAll('8090', app);
  const blocks = page.matchAll(/^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?/gms);
  return [...blocks].map(([, commands = '', promised = '']) => ({ commands, promised }));
}

/** What each step printed, both streams as on a terminal. */
async function walk(steps: readonly Step[], directory: string): Promise<readonly string[]> {
  const script = steps.map(({ commands }) => `echo '${MARK}'\n${commands}`).join('');
  const shell = spawn('bash', ['-c', `exec 2>&1\n${script}`], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: directory, TMPDIR: directory, LANG: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void shell.kill('SIGKILL'));
  const output = await text(shell.stdout);
  return output.split(`${MARK}\n`).slice(1);
}

/** Lines without what differs from one walk to the next: times, digests, ids, places, the width of columns. */
function maskAll(printed: string): readonly string[] {
  return printed
    .split('\n')
    .map((line) =>
      line
        .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
        .replace(/\b\d+(?:\.\d+)?(?:ms|s)\b/g, 'SPAN')
        .replace(/sha256:[0-9a-f]+/g, 'DIGEST')
        .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
        .replace(/\(pid \d+\)/g, 'PID')
        .replace(/127\.0\.0\.1:\d+/g, 'ADDRESS')
        .replace(/\/\S*\/(server|vendor|agent)\b/g, '$1')
        .replace(/(?<=\s)[\w.-]+@(?!\d+\.)[\w.-]+/g, 'PERSON')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '' && line !== '…');
}

/** Of `lines`, those that are the next of `wanted`; all of them when one is missing, so that the difference shows. */
function keepInOrder(lines: readonly string[], wanted: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const line of lines) if (line === wanted[kept.length]) kept.push(line);
  return kept.length === wanted.length ? kept : lines;
}

/** After a failure: every process that works below the test's own directory. */
function stopEverythingIn(directory: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/cwd`).startsWith(directory)) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended since, or is nobody's business here.
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
