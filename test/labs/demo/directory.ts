// The demo's directory: a new one, or a former demo's, whose leftovers end before it starts afresh.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readProcess } from '../../../agent/adapters/machine/process-table.ts';
import { endProcessesOf } from './leftovers.ts';
import { DemoFailure } from './terminal.ts';

const MARKER = '.fairlead-demo';

/** Answers the absolute path. Errors: DemoFailure where something else lives there, or another demo plays in it. */
export async function openDirectory(given: string | undefined, say: (text: string) => void): Promise<string> {
  if (given === undefined) return mkdtemp(join(tmpdir(), 'fairlead-demo-'));
  const directory = resolve(given);
  const marker = join(directory, MARKER);
  await mkdir(directory, { recursive: true });
  const entries = await readdir(directory);
  if (entries.length > 0 && !existsSync(marker)) {
    throw new DemoFailure(`${directory} is not empty and no demo's: choose another --dir`);
  }
  if (entries.length > 0) {
    const player = await readPlayer(marker);
    if (player !== null)
      throw new DemoFailure(`process ${player} plays a demo in ${directory}: end it first`);
    const ended = await endProcessesOf(directory);
    if (ended > 0)
      say(`Ended ${ended} ${ended === 1 ? 'process' : 'processes'} of an earlier demo in ${directory}.`);
  }
  // The marker is written first and removed never: a kill anywhere leaves a directory that is recognized.
  const { startTime = '' } = (await readProcess(process.pid)) ?? {};
  await writeFile(marker, `${process.pid} ${startTime}\n`);
  for (const entry of entries.filter((name) => name !== MARKER)) {
    await rm(join(directory, entry), { recursive: true, force: true });
  }
  return directory;
}

/** The pid of the demo that uses the directory, if it lives. */
async function readPlayer(marker: string): Promise<number | null> {
  const [pid, startTime] = (await readFile(marker, 'utf8')).trim().split(' ');
  const found = await readProcess(Number(pid));
  return found !== null && found.startTime === startTime ? found.pid : null;
}
