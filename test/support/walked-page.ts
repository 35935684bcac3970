// A page of the guide that is one shell from top to bottom: its commands typed, and what they print beside what it says.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished } from 'vitest';

const ROOT = new URL('../..', import.meta.url).pathname;
const MARK = '----- block';

export interface Step {
  readonly commands: string;
  /** What the page says they print; `…` stands for lines it leaves out. */
  readonly promised: string;
}

export function stepsOf(page: string): readonly Step[] {
  const blocks = page.matchAll(/^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?/gms);
  return [...blocks].map(([, commands = '', promised = '']) => ({ commands, promised }));
}

/** With `directory` as its home; `more` are further variables of the shell. */
export async function expectWalk(
  steps: readonly Step[],
  directory: string,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const printed = await walk(steps, directory, more);
  for (const [index, { promised }] of steps.entries()) {
    const lines = maskAll(promised);
    expect(keepInOrder(maskAll(printed[index] ?? ''), lines)).toEqual(lines);
  }
}

/** What each step printed, both streams as on a terminal. */
async function walk(
  steps: readonly Step[],
  directory: string,
  more: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const script = steps.map(({ commands }) => `echo '${MARK}'\n${commands}`).join('');
  const shell = spawn('bash', ['-c', `exec 2>&1\n${script}`], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: directory, TMPDIR: directory, LANG: 'C.UTF-8', ...more },
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
        // What is on offer may have been fetched ahead by now, or not.
        .replace(/\b(?:at most )?\d+ B\b/g, 'BYTES')
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
