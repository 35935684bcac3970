// Child processes and what they use: output, memory, time to start.
import { execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { timed } from './figures.ts';

const run = promisify(execFile);

export interface RunOptions {
  readonly limitMs?: number;
  readonly cwd?: string;
}

/** What a script prints, or null when it is not done in time. */
export async function runNode(args: readonly string[], options: RunOptions = {}): Promise<string | null> {
  const { limitMs: timeout = 60_000, ...rest } = options;
  try {
    const { stdout } = await run(process.execPath, args, { ...rest, timeout, killSignal: 'SIGKILL' });
    return stdout;
  } catch (cause) {
    if (cause instanceof Error && 'killed' in cause && cause.killed === true) return null;
    throw cause;
  }
}

/** Milliseconds a shell pipeline takes. It is the bench's own text, never input. */
export function timeShell(command: string): Promise<number> {
  return timed(() => run('bash', ['-o', 'pipefail', '-c', command], { maxBuffer: 2 ** 26 }));
}

export async function timeProgram(program: string, args: readonly string[]): Promise<number> {
  return timed(() => run(program, args));
}

/** Bytes of memory a process has; `VmHWM` is the most it ever had. */
export function residentBytes(pid: number, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
}

/** Bytes that would not be there without it: what it wrote. Of a program's file others may have the same pages. */
export function ownBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024;
}

/** Seconds of processors that it and its children have taken, on whatever else the machine does. */
export function processorSeconds(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return [pid, ...children.map(Number)].reduce((sum, one) => {
    // Behind the name, which may hold spaces: utime and stime are the 14th and 15th fields, in hundredths.
    const fields = readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

/** Asks whatever this process started and has not seen the end of to stop. */
export function endChildren(): void {
  for (const thread of readdirSync('/proc/self/task')) {
    const children = readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').filter(Boolean);
    for (const pid of children) {
      try {
        process.kill(Number(pid), 'SIGTERM');
      } catch {
        // It ended meanwhile.
      }
    }
  }
}

export interface RunningProgram {
  /** Until it has hardly computed for so long. Throws when the program ends by itself. */
  rest(restMs: number): Promise<void>;
  residentBytes(): number;
  stop(): Promise<void>;
}

export function startProgram(program: string, args: readonly string[]): RunningProgram {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve())).then(() => {
    hasEnded = true;
  });
  const pid = child.pid ?? 0;
  return {
    async rest(restMs) {
      let used = cpuTicks(pid);
      for (let since = performance.now(); performance.now() - since < restMs; ) {
        await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, TICK_MS))]);
        if (hasEnded) throw new Error(`${program} ${args.join(' ')} ended by itself: ${complaint.trim()}`);
        const before = used;
        used = cpuTicks(pid);
        if (used > before + IDLE_TICKS) since = performance.now();
      }
    },
    residentBytes: () => residentBytes(pid),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

const TICK_MS = 100;
/** Of 10 ms: timers and the reading of them. */
const IDLE_TICKS = 2;

/** Processor time used so far, in hundredths of a second. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
