// The suite `hostile`: packs that are no packs, until one enters the store or writes where it must not.
import { mkdir, writeFile } from 'node:fs/promises';
import { createTreeStore } from '../../../agent/adapters/tree-store/tree-store.ts';
import type { TreeStore } from '../../../agent/ports/state.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import {
  flippedPacks,
  type HostilePack,
  hostileIndexes,
  noisePacks,
  rearrangedPacks,
  truncatedPacks,
} from '../../agent/adapters/tree-store/hostile-packs.ts';
import { lyingPacks } from '../../agent/adapters/tree-store/lying-packs.ts';
import { createPackServer, type PackServer } from '../../agent/adapters/tree-store/pack-server.ts';
import { describeState } from './state-files.ts';
import { type CaseResult, type SuiteOptions, type SuiteResult, sample, tryCases } from './suite.ts';

/** One at a time: each is judged by what it changed anywhere in the sandbox. */
export async function tryHostilePacks(options: SuiteOptions): Promise<SuiteResult> {
  const sandbox = `${options.directory}/sandbox`;
  await mkdir(`${sandbox}/outside`, { recursive: true });
  await writeFile(`${sandbox}/outside/canary`, 'alive');
  const server = createPackServer();
  const store = createTreeStore({ stateDir: `${sandbox}/state`, fetchPack: server.fetchPack });
  await store.collect(new Set());
  return tryCases(packsFor(options), 1, options, (pack) => tryPack(pack, { sandbox, server, store }));
}

/** The fixed ones, and as many flipped and noisy ones as are wanted. */
function packsFor({ count, seed }: SuiteOptions): readonly HostilePack[] {
  const fixed = [...hostileIndexes(), ...lyingPacks(), ...truncatedPacks(), ...rearrangedPacks()];
  const packs: HostilePack[] = [];
  for (let round = seed; fixed.length + packs.length < count; round++) {
    packs.push(...flippedPacks(round), ...noisePacks(round));
  }
  return sample([...fixed, ...packs], count, seed);
}

interface Sandbox {
  readonly sandbox: string;
  readonly server: PackServer;
  readonly store: TreeStore;
}

async function tryPack(pack: HostilePack, { sandbox, server, store }: Sandbox): Promise<CaseResult> {
  const { name, ref, bytes } = pack;
  const before = await describeState(sandbox);
  server.serve(ref.digest, bytes);
  const refusal = await store.add(ref).then(
    () => null,
    (error: unknown) => error,
  );
  if (refusal === null) {
    // A bit that means nothing to the decompressor: what came out is the signed tree, to the byte.
    const deviations = await store.verify({ tree: ref, writable: [] });
    await store.collect(new Set());
    return {
      end: 'harmless',
      problems: deviations.map(({ path }) => `${name}: ${path} is not what was signed`),
    };
  }
  const problems = (await describeState(sandbox)) === before ? [] : [`${name}: something is left behind`];
  if (!isFairleadError(refusal)) problems.push(`${name}: refused without a code`);
  return { end: 'refused', problems };
}
