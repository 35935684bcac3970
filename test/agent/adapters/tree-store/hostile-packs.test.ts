// Whatever comes in the place of a pack: refused with a reason of its own, and nothing of it left anywhere.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import type { TreeStore } from '../../../../agent/ports/state.ts';
import { isFairleadError } from '../../../../shared/errors/error.ts';
import { describeDirectory } from '../../../support/directories.ts';
import {
  flippedPacks,
  type HostilePack,
  hostileIndexes,
  noisePacks,
  rearrangedPacks,
  truncatedPacks,
} from './hostile-packs.ts';
import { lyingPacks } from './lying-packs.ts';
import { draftPack, join, sectionsOf } from './pack-builder.ts';
import { createPackServer } from './pack-server.ts';

const SEED = 20_260;
const server = createPackServer();
const figures: Record<string, number> = {};
let sandbox = '';
let store: TreeStore;

beforeAll(async () => {
  sandbox = mkdtempSync(joinPath(tmpdir(), 'fairlead-hostile-'));
  mkdirSync(joinPath(sandbox, 'outside'));
  writeFileSync(joinPath(sandbox, 'outside/canary'), 'alive');
  store = createTreeStore({ stateDir: joinPath(sandbox, 'state'), fetchPack: server.fetchPack });
  await store.collect(new Set());
});

afterAll(() => {
  rmSync(sandbox, { recursive: true, force: true });
  const total = Object.values(figures).reduce((sum, count) => sum + count, 0);
  console.log(`hostile packs: ${total} tried, by outcome: ${JSON.stringify(figures)}`);
});

/** `refused`, `harmless` when the exact signed tree came out of it, or what went wrong. */
async function outcomeOf({ ref, bytes }: HostilePack): Promise<string> {
  const before = describeDirectory(sandbox);
  server.serve(ref.digest, bytes);
  const error = await store.add(ref).then(
    () => null,
    (cause: unknown) => cause,
  );
  if (error === null) {
    const deviations = await store.verify({ tree: ref, writable: [] });
    await store.collect(new Set());
    return deviations.length === 0 ? 'harmless' : 'a wrong tree in the store';
  }
  const after = describeDirectory(sandbox);
  if (JSON.stringify(after) !== JSON.stringify(before)) return 'something left behind';
  return isFairleadError(error) && error.code.startsWith('tree/') ? 'refused' : `another error: ${error}`;
}

async function outcomesOf(packs: readonly HostilePack[]): Promise<ReadonlyMap<string, string>> {
  const outcomes = new Map<string, string>();
  for (const pack of packs) {
    const outcome = await outcomeOf(pack);
    outcomes.set(pack.name, outcome);
    figures[outcome] = (figures[outcome] ?? 0) + 1;
  }
  return outcomes;
}

describe('the store', () => {
  it('takes the honest pack that all others are made from', async () => {
    const draft = draftPack();

    const outcome = await outcomeOf({ name: 'honest', ref: draft.ref, bytes: join(sectionsOf(draft)) });

    expect(outcome).toBe('harmless');
  });

  it.each<[string, readonly HostilePack[]]>([
    ['every pack that was cut', truncatedPacks()],
    ['every pack whose sections moved', rearrangedPacks()],
    ['noise', noisePacks(SEED)],
    ['every signed index that a tree must not have', hostileIndexes()],
    ['every pack that lies', lyingPacks()],
  ])('refuses %s', async (_, packs) => {
    const memoryBefore = process.resourceUsage().maxRSS;

    const outcomes = await outcomesOf(packs);

    expect([...outcomes].filter(([, outcome]) => outcome !== 'refused')).toEqual([]);
    // In KiB: the bombs among them announce, or hold, gigabytes.
    expect(process.resourceUsage().maxRSS - memoryBefore).toBeLessThan(512 * 1024);
  });

  it('refuses every pack with a flipped bit, but for bits without a meaning', async () => {
    const packs = flippedPacks(SEED);

    const outcomes = await outcomesOf(packs);

    expect([...outcomes].filter(([, outcome]) => outcome !== 'refused' && outcome !== 'harmless')).toEqual(
      [],
    );
    const harmless = [...outcomes].filter(([, outcome]) => outcome === 'harmless');
    expect(harmless.length).toBeLessThan(packs.length / 20);
  });
});
