// What every package of one commit says of itself: its version, its time, what is new, and the manual of each program.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createPrograms } from '../../test/docs/pages/programs.ts';
import { renderManual } from './manual.ts';
import type { Packing } from './packages.ts';

type Release = Pick<Packing, 'version' | 'madeAt' | 'changelog' | 'manual'>;

/** Error: neither a commit nor $SOURCE_DATE_EPOCH says when it was made. */
export async function readRelease(
  checkout: string,
  program: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Release> {
  const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8'));
  const madeAt =
    env.SOURCE_DATE_EPOCH === undefined ? await commitTime(checkout) : Number(env.SOURCE_DATE_EPOCH);
  if (!Number.isSafeInteger(madeAt) || madeAt <= 0)
    throw new Error('SOURCE_DATE_EPOCH takes the seconds since 1970');
  const date = new Date(madeAt * 1000).toISOString().slice(0, 10);
  const command = createPrograms().find((one) => one.name() === program);
  if (command === undefined) throw new Error(`${program} has no command line`);
  const changelog = await readFile(join(checkout, 'CHANGELOG.md'), 'utf8');
  return { version, madeAt, changelog, manual: renderManual(command, version, date) };
}

async function commitTime(checkout: string): Promise<number> {
  try {
    const words = ['-C', checkout, 'log', '-1', '--format=%ct'];
    return Number((await promisify(execFile)('git', words)).stdout);
  } catch (cause) {
    throw new Error('no commit says when this was made: set SOURCE_DATE_EPOCH', { cause });
  }
}
