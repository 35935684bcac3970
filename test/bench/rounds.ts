// Rounds of several that do the same: A B C, then C B A, so that whatever else the machine does, and who comes first, meets all alike.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** What is compared in time is measured so often at least. */
export const ROUNDS = 5;

export interface Took {
  readonly wallMs: number;
  /** Of all processors, in the program and in the kernel, children included. */
  readonly cpuMs: number;
}

export interface Contender<T> {
  readonly name: string;
  /** Null when it was not done in time. */
  run(): Promise<T | null>;
  /** It is not asked again then; whoever else is late ends the measurement. */
  readonly mayBeLate?: true;
  /** Outside of what is measured. Throws where what came of the run is not what it should be: then nothing of it counts. */
  prove?(): Promise<void> | void;
}

/** What each contender took in each round, as they stand in the list. */
export async function interleave<T>(
  contenders: readonly Contender<T>[],
  rounds = ROUNDS,
): Promise<readonly (readonly T[])[]> {
  const found = contenders.map((contender) => ({ contender, results: [] as T[], isLate: false }));
  for (let round = 0; round < rounds; round++) {
    for (const one of round % 2 === 0 ? found : found.toReversed()) {
      if (one.isLate) continue;
      const result = await one.contender.run();
      if (result === null) {
        if (one.contender.mayBeLate !== true)
          throw new Error(`${one.contender.name} was not done in time: nothing of these rounds counts`);
        one.isLate = true;
        continue;
      }
      await one.contender.prove?.();
      one.results.push(result);
    }
  }
  return found.map(({ results }) => results);
}

/** Works through a list, so many at a time; the results stand as the list does. */
export async function inLanes<T, R>(
  items: readonly T[],
  lanes: number,
  work: (item: T, place: number) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [place, item] of queue) results[place] = await work(item, place);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

/** What a command of the bench's own takes. Children count that it waits for, as those of a pipeline. */
export async function runShell(
  command: string,
  environment: NodeJS.ProcessEnv = {},
  limitMs = 30 * 60_000,
): Promise<Took> {
  // The shell's own `time` writes the last line, behind whatever the command had to say.
  const timed = `set -eo pipefail; TIMEFORMAT='%R %U %S'; time { ${command}\n} >/dev/null`;
  const env = { ...process.env, ...environment, LC_ALL: 'C' };
  const options = { env, timeout: limitMs, maxBuffer: 2 ** 26 };
  const { stderr } = await promisify(execFile)('bash', ['-c', timed], options);
  const [wall = Number.NaN, user = 0, system = 0] = (stderr.trim().split('\n').at(-1) ?? '')
    .split(' ')
    .map((seconds) => Number(seconds) * 1_000);
  if (!Number.isFinite(wall)) throw new Error(`no time was measured: ${command}`);
  return { wallMs: wall, cpuMs: user + system };
}

/** What this process takes for something, with the children that ended meanwhile. */
export async function take(run: () => unknown): Promise<Took> {
  const [start, spent] = [performance.now(), spentMs()];
  await run();
  return { wallMs: performance.now() - start, cpuMs: spentMs() - spent };
}

function spentMs(): number {
  const { user, system } = process.cpuUsage();
  // Behind the name, which may hold spaces: what its ended children took is in the 16th and 17th fields, in hundredths.
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (user + system) / 1_000 + (Number(fields[13]) + Number(fields[14])) * 10;
}
