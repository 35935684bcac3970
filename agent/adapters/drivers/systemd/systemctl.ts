// systemctl and journalctl, as far as one service needs them.
import { readFile } from 'node:fs/promises';
import type { EpochMs } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { listPids, lookAtEach, unlessShort } from '../../machine/process-table.ts';
import { runTool, type ToolResult } from '../../machine/run-tool.ts';

/** What the manager says of a unit; texts as `systemctl show` prints them. */
export interface UnitState {
  readonly active: string;
  /** 0 when none runs. */
  readonly mainPid: number;
  readonly result: string;
  /** How its main process ended: 1 it exited, 2 and 3 a signal ended it. */
  readonly exitCode: string;
  /** The status or the signal. */
  readonly exitStatus: string;
  /** New at every start. */
  readonly invocation: string;
  readonly controlGroup: string;
}

const TIMEOUT_MS = 30_000;
const TOOL = { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }, workingDirectory: '/' };

/** Error: service/manager-failed; silence must never be taken for a service that does not run. */
export async function showUnit(name: string): Promise<UnitState> {
  const shown = await systemctl(['show', `--property=${PROPERTIES}`, name]);
  if (shown.status !== 0) {
    throw new FairleadError('service/manager-failed', { manager: 'systemd', problem: shown.detail });
  }
  const values = new Map(shown.stdout.split('\n').map(splitProperty));
  const text = (property: string) => values.get(property) ?? '';
  return {
    active: text('ActiveState'),
    mainPid: Number(text('MainPID')),
    result: text('Result'),
    exitCode: text('ExecMainCode'),
    exitStatus: text('ExecMainStatus'),
    invocation: text('InvocationID'),
    controlGroup: text('ControlGroup'),
  };
}

/** `timeoutMs` bounds the wait, not what the manager goes on doing. */
export function systemctl(words: readonly string[], timeoutMs = TIMEOUT_MS): Promise<ToolResult> {
  return run(['systemctl', '--no-ask-password', ...words], timeoutMs);
}

/** The newest lines of a unit, without decoration. */
export async function readJournal(name: string, { lines, keepBytes, since }: JournalEnd): Promise<string> {
  const words = ['--unit', name, '--output=cat', '--no-pager', '--quiet', `--lines=${lines}`];
  const argv = ['journalctl', ...words, ...(since === null ? [] : [`--since=@${since / 1000}`])];
  const { stdout } = await runTool({ ...TOOL, argv, timeoutMs: TIMEOUT_MS, keepBytes });
  return stdout;
}

/** What was written by now may still be on its way. */
export async function settleJournal(): Promise<void> {
  await runTool({ ...TOOL, argv: ['journalctl', '--sync'], timeoutMs: TIMEOUT_MS });
}

export interface JournalEnd {
  readonly lines: number;
  readonly keepBytes: number;
  readonly since: EpochMs | null;
}

/** True while any process is in the control group or below, whichever hierarchy the machine mounts. */
export async function isGroupPopulated(controlGroup: string): Promise<boolean> {
  const inside = (line: string) => line.endsWith(`:${controlGroup}`) || line.includes(`:${controlGroup}/`);
  const groups = await lookAtEach(await listPids(), (pid) =>
    readFile(`/proc/${pid}/cgroup`, 'utf8').catch(unlessShort('')),
  );
  return groups.some((lines) => lines.split('\n').some(inside));
}

const PROPERTIES = [
  'ActiveState',
  'MainPID',
  'Result',
  'ExecMainCode',
  'ExecMainStatus',
  'InvocationID',
  'ControlGroup',
].join(',');

function splitProperty(line: string): [string, string] {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
}

function run(argv: readonly string[], timeoutMs: number): Promise<ToolResult> {
  return runTool({ ...TOOL, argv, timeoutMs });
}
