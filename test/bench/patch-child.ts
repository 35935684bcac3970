// A patch applied as an agent has it applied: by a process of the program that customers run, started for it, with its start and its end.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PatchWork } from '../../agent/adapters/tree-store/downloads.ts';
import { storeLayout } from '../../agent/adapters/tree-store/layout.ts';
import { hexOf } from '../../shared/encoding/digest.ts';
import { ownProgram } from '../../shared/node/own-parts.ts';
import { residentBytes } from './processes.ts';
import { type Took, take } from './rounds.ts';
import { runTreeAct } from './trees.ts';

export interface Applied extends Took {
  readonly peakBytes: number;
}

const ROOT = join(import.meta.dirname, '../..');
const LOOK_MS = 2;

/** The words that start it: the executable of this commit, built before or now; the sources where nothing is fetched. */
export function patchProgram(work: string, isOffline: boolean): readonly string[] {
  return [...(isOffline ? ownProgram('agent/cli/main.ts') : [agentIn(work)]), 'agent', 'patch'];
}

function agentIn(work: string): string {
  const { FAIRLEAD_EXECUTABLES: given } = process.env;
  if (given !== undefined) return join(given, 'fairlead');
  const out = join(work, 'agent');
  const words = ['--program', 'fairlead', '--executables-only', '--out', out];
  const build = [join(ROOT, 'scripts/build.ts'), ...words];
  const { status, stderr } = spawnSync(process.execPath, build, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`no executable here: ${stderr}`);
  return join(out, ...readdirSync(out), 'fairlead');
}

/** Puts a directory into a store, as an install has it that fetched it whole: its files may be shared. */
export async function storeTree(
  directory: string,
  work: string,
): Promise<Pick<PatchWork, 'layout' | 'base'>> {
  mkdirSync(work, { recursive: true });
  const pack = join(work, 'base.pack');
  const { ref } = await runTreeAct('pack', directory, pack);
  await runTreeAct('unpack', pack, JSON.stringify(ref), work);
  const layout = storeLayout(work);
  return { layout, base: join(layout.trees, hexOf(ref.digest)) };
}

/** Durable in the end. The most memory is asked for while it runs, and does not grow while it waits for the disk at its end. */
export async function applyAsAgent(program: readonly string[], work: PatchWork): Promise<Applied> {
  let peakBytes = 0;
  const took = await take(async () => {
    const [command = '', ...words] = [...program, JSON.stringify(work)];
    const child = spawn(command, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const looking = setInterval(() => {
      peakBytes = Math.max(peakBytes, peakOf(child.pid ?? 0));
    }, LOOK_MS);
    await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
    clearInterval(looking);
    if (JSON.parse(said).kind !== 'built') throw new Error(`the patch was not applied: ${said}`);
  });
  return { ...took, peakBytes };
}

/** 0 of one that has ended. */
function peakOf(pid: number): number {
  try {
    return residentBytes(pid, 'VmHWM') || 0;
  } catch {
    return 0;
  }
}
