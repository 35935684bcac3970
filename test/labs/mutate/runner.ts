// Runs tests in a process of its own, and ends that process with everything it started when they hang.
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { RunAnswer, RunOrder } from './runner-process.ts';
import type { WorkingCopy } from './working-copy.ts';

const PROGRAM = fileURLToPath(new URL('./runner-process.ts', import.meta.url));
const START_MS = 60_000;

/** `timeout` where the tests did not end, `broken` where the runner did. */
export type RunResult = RunAnswer | 'timeout' | 'broken';

export class Runner {
  readonly #copy: WorkingCopy;
  /** Handed down to whatever a test starts, so that nothing of it stays behind. */
  readonly #mark = `MUTATION_RUN=${randomUUID()}`;
  #child: ChildProcess | null = null;
  #mutated: string | null = null;

  constructor(copy: WorkingCopy) {
    this.#copy = copy;
  }

  /** Runs the tests while `mutated` is broken, or while nothing is. */
  async run(tests: readonly string[], mutated: string | null, limitMs: number): Promise<RunResult> {
    const running = await this.#started();
    // The file that was broken before is whole again, and is to be read anew as well.
    const changed = [this.#mutated, mutated].filter((file) => file !== null);
    this.#mutated = mutated;
    const answer = await Promise.race([answerOf<RunAnswer>(running, { changed, tests }), afterMs(limitMs)]);
    if (answer === 'timeout' || answer === 'broken') this.stop();
    return answer;
  }

  stop(): void {
    const running = this.#child;
    this.#child = null;
    if (running?.pid === undefined) return;
    kill(-running.pid);
    for (const pid of processesWith(this.#mark)) kill(pid);
  }

  async #started(): Promise<ChildProcess> {
    if (this.#child !== null && this.#child.exitCode === null && this.#child.connected) return this.#child;
    const [name = '', value = ''] = this.#mark.split('=');
    const running = fork(PROGRAM, [], {
      cwd: this.#copy.root,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, TMPDIR: this.#copy.scratch, [name]: value },
    });
    let said = '';
    running.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    });
    this.#child = running;
    const ready = await Promise.race([answerOf<'ready'>(running, null), afterMs(START_MS)]);
    if (ready !== 'ready') throw new Error(`the test runner did not start\n${said}`);
    return running;
  }
}

function answerOf<T>(running: ChildProcess, order: RunOrder | null): Promise<T | 'broken'> {
  return new Promise((resolve) => {
    const settle = (answer: T | 'broken') => {
      running.off('message', onMessage);
      running.off('exit', onExit);
      resolve(answer);
    };
    const onMessage = (message: unknown) => settle(message as T);
    const onExit = () => settle('broken');
    running.once('message', onMessage);
    running.once('exit', onExit);
    if (order !== null) running.send(order);
  });
}

function afterMs(ms: number): Promise<'timeout'> {
  return new Promise((resolve) => {
    setTimeout(() => resolve('timeout'), ms).unref();
  });
}

function processesWith(mark: string): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => environmentOf(pid).includes(mark)).map(Number);
}

function environmentOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}
