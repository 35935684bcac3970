// What the running agent listens on: its admin socket, and no TCP port at all.
import { execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../../support/directories.ts';
import { startEnrolmentServer } from '../../support/enrolment-server.ts';

const CLI = new URL('../../../agent/cli/main.ts', import.meta.url).pathname;
/** The state LISTEN in /proc/net/tcp. */
const LISTEN = '0A';

describe('the running agent', () => {
  it('listens on its socket file and on no port', async () => {
    const stateDir = join(temporaryDirectory(), 'state');
    const { string } = await startEnrolmentServer();
    await promisify(execFile)(process.execPath, [CLI, 'agent', 'enroll', string, '--state-dir', stateDir]);
    const pid = await startAgent(stateDir);

    const sockets = socketsOf(pid);

    expect(listening(pid, 'unix').filter((inode) => sockets.has(inode))).toHaveLength(1);
    expect(listening(pid, 'tcp').filter((inode) => sockets.has(inode))).toEqual([]);
  });

  it('would be seen with a port: this test’s own is', async () => {
    await startEnrolmentServer();

    const sockets = socketsOf(process.pid);

    expect(listening(process.pid, 'tcp').some((inode) => sockets.has(inode))).toBe(true);
  });
});

async function startAgent(stateDir: string): Promise<number> {
  const child = spawn(process.execPath, [CLI, 'agent', 'run', '--state-dir', stateDir], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const line of child.stderr) if (String(line).includes('the agent runs')) break;
  child.stderr.resume();
  return child.pid ?? 0;
}

function socketsOf(pid: number): ReadonlySet<string> {
  const directory = `/proc/${pid}/fd`;
  const targets = readdirSync(directory).map((fd) => {
    try {
      return readlinkSync(join(directory, fd));
    } catch {
      return '';
    }
  });
  return new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
}

/** Inodes of listening sockets in the process's network: proc(5). */
function listening(pid: number, kind: 'tcp' | 'unix'): readonly string[] {
  const files = kind === 'tcp' ? ['tcp', 'tcp6'] : ['unix'];
  const rows = files.flatMap((file) =>
    readFileSync(`/proc/${pid}/net/${file}`, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/)),
  );
  // Of a unix socket, flag 0x10000 says that it accepts connections.
  const accepts = (row: readonly string[]) =>
    kind === 'tcp' ? row[3] === LISTEN : (Number.parseInt(row[3] ?? '0', 16) & 0x10000) !== 0;
  return rows.filter(accepts).map((row) => row[kind === 'tcp' ? 9 : 6] ?? '');
}
