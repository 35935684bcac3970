// The agent as it is shipped, one file, beside a bare Node of the same kind and beside agents that Debian ships.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createAdminClient } from '../../agent/adapters/admin/admin-client.ts';
import { explanationReply } from '../../shared/protocol/admin.ts';
import { endProcessesOf } from '../labs/demo/leftovers.ts';
import { type Earlier, startEarlier, unpackInto } from '../support/earlier-install.ts';
import { DEBIAN_AGENTS, type DebianAgent, unpackAgent } from './debian-agents.ts';
import { type Figures, formatMb, formatMs, median } from './figures.ts';
import { ownBytes, processorSeconds, residentBytes } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const RUNS = 10;
/** An hour of them, one after another. */
const POLLS = 60;
const POLL_INTERVAL = 'PT1M';
const SETTLED_MS = 10_000;

interface Subject {
  readonly name: string;
  readonly bytes: number;
  readonly packedBytes: number;
  /** For its version; milliseconds. */
  readonly asked: { readonly wall: number; readonly cpu: number } | null;
  readonly pid: number;
}

/** `minutes` is how long all of them rest, side by side. */
export async function measureExecutable(work: string, minutes: number): Promise<Figures> {
  if (!(minutes > 0)) throw new TypeError('--minutes takes a number above 0');
  const programs = copied(programsIn(work), work);
  const directory = join(work, 'executable');
  mkdirSync(directory);
  const missing: string[] = [];
  const subjects: Subject[] = [];
  const earlier = (await unpackInto(directory)).withPrograms(programs);
  try {
    subjects.push(await bareNode(work), await agent(earlier, programs));
    for (const one of DEBIAN_AGENTS) {
      const found = await debian(one, join(work, 'debian')).catch(
        (cause: unknown) => String(cause).split('\n')[0],
      );
      if (typeof found === 'object') subjects.push(found);
      else missing.push(`${one.name} (${found})`);
    }
    const before = subjects.map(({ pid }) => processorSeconds(pid));
    await delay(minutes * 60_000);
    const used = subjects.map(({ pid }, at) => processorSeconds(pid) - (before[at] ?? 0));
    return {
      title: 'The executable',
      note: noteOf(minutes, await firstAnswerMs(earlier), missing),
      head: ['', 'on disk', 'packed', 'version', 'its CPU', 'resident', 'its own', `CPU in ${minutes} min`],
      rows: subjects.map((subject, at) => rowOf(subject, used[at] ?? Number.NaN)),
    };
  } finally {
    for (const { pid } of subjects) if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
    await endProcessesOf(directory);
  }
}

function noteOf(minutes: number, answerMs: number, missing: readonly string[]): string {
  return (
    `Executables of this commit. The agent made a deployment and ${POLLS} polls, an hour's, one after another, before it rested ` +
    `${minutes} min with a poll a minute and a server that it listens to; Debian's agents have a server that is not there. ` +
    'Resident counts the pages of a program’s file that are in memory, its own are those that it wrote. Bare Node is a copy of the ' +
    'pinned one that waits for a timer. Packed is `xz`, as in a package. Goals beside bare Node: 1.6 of its resident, 3 of its own, ' +
    `3 of its CPU for the version. \`fairlead status\` of the running agent: ${formatMs(answerMs)}.` +
    `${missing.length === 0 ? '' : ` Missing here: ${missing.join(', ')}.`}`
  );
}

function rowOf(subject: Subject, cpuSeconds: number): readonly string[] {
  const { name, bytes, packedBytes, asked, pid } = subject;
  return [
    name,
    ...[formatMb(bytes), formatMb(packedBytes)],
    ...(asked === null ? ['–', '–'] : [formatMs(asked.wall), formatMs(asked.cpu)]),
    ...[formatMb(residentBytes(pid)), formatMb(ownBytes(pid)), `${cpuSeconds.toFixed(2)} s`],
  ];
}

/** Built before, or now. */
export function programsIn(work: string): string {
  const { FAIRLEAD_EXECUTABLES: given } = process.env;
  if (given !== undefined) return given;
  const out = join(work, 'programs');
  const words = [join(ROOT, 'scripts/build.ts'), '--out', out];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`no executables here: ${stderr}`);
  // One folder for each machine, and this one's alone was made.
  return join(out, ...readdirSync(out));
}

/** As an install puts them into place: of a file that was just linked together the kernel keeps, and maps, larger pieces (15 MB). */
function copied(programs: string, work: string): string {
  const place = join(work, 'copied');
  cpSync(programs, place, { recursive: true, verbatimSymlinks: true });
  spawnSync('sync', ['--file-system', place]);
  return place;
}

async function bareNode(work: string): Promise<Subject> {
  // Of its own file: pages that other programs run from would be theirs too.
  const program = join(work, 'bare-node');
  copyFileSync(process.execPath, program);
  chmodSync(program, 0o755);
  const { pid = 0 } = spawn(program, ['-e', 'setInterval(() => {}, 1e9)'], { stdio: 'ignore' });
  return {
    name: '`node`, doing nothing',
    bytes: statSync(program).size,
    ...packedAndAsked(program, ['-e', '0']),
    pid,
  };
}

async function agent(earlier: Earlier, programs: string): Promise<Subject> {
  const program = join(programs, 'fairlead');
  const pid = await startEarlier(earlier, POLL_INTERVAL);
  const client = createAdminClient(join(earlier.directory, 'agent'));
  for (let poll = 0; poll < POLLS; poll++) await client.call('POST', '/v1/check', explanationReply);
  return {
    name: '`fairlead agent run`',
    bytes: statSync(program).size,
    ...packedAndAsked(program, ['--version']),
    pid,
  };
}

async function debian(one: DebianAgent, work: string): Promise<Subject> {
  const { packedBytes, bytes, start } = await unpackAgent(one, work);
  const child = start(one.service);
  await delay(SETTLED_MS);
  if (child.exitCode !== null) throw new Error('it ended by itself');
  // Started in a file system of its own, which takes longer than it does.
  return { name: `\`${one.name}\``, bytes, packedBytes, asked: null, pid: child.pid ?? 0 };
}

function packedAndAsked(program: string, words: readonly string[]) {
  const shell = (script: string) =>
    spawnSync('bash', ['-c', script, 'bash', program, ...words], { encoding: 'utf8' }).stdout;
  const packedBytes = Number(shell('xz --stdout "$1" | wc --bytes'));
  const begun = performance.now();
  const stat = shell(
    `for _ in {1..${RUNS}}; do "$@" > /dev/null; done; read -r line < /proc/$$/stat; echo "$line"`,
  );
  const wall = (performance.now() - begun) / RUNS;
  // What its children used, in hundredths: the 16th and 17th field.
  const fields = stat.split(') ')[1]?.split(' ') ?? [];
  const cpu = ((Number(fields[13]) + Number(fields[14])) * 10) / RUNS;
  return { packedBytes, asked: { wall, cpu } };
}

async function firstAnswerMs({ run }: Earlier): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < RUNS; turn++) {
    const begun = performance.now();
    await run('fairlead', 'status');
    times.push(performance.now() - begun);
  }
  return median(times);
}
