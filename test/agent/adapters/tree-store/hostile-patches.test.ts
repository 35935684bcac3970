// Whatever comes in the place of a patch, and whatever became of the tree it starts from: refused, and nothing of it left anywhere.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storeLayout } from '../../../../agent/adapters/tree-store/layout.ts';
import { buildFromPatch } from '../../../../agent/adapters/tree-store/patch-process.ts';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import type { TreeStore } from '../../../../agent/ports/state.ts';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { type FairleadError, isFairleadError } from '../../../../shared/errors/error.ts';
import { MAX_PATCH_INDEX_BYTES } from '../../../../shared/tree/patch-format.ts';
import { describeDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import type { HostilePack } from './hostile-packs.ts';
import { damagedPatches, generousPatch, lyingPatches, patchFrom, scriptedPatch } from './lying-patches.ts';
import { join } from './pack-builder.ts';
import { unreachable } from './pack-server.ts';
import { draftPatch, OLD_FILES, OLD_INDEX, OLD_REF, patchSections } from './patch-builder.ts';

const honest = draftPatch();
const honestBytes = join(patchSections(honest));
let sandbox = '';
let store: TreeStore;
let served: Buffer;
let instead: unknown;

beforeAll(async () => {
  sandbox = mkdtempSync(joinPath(tmpdir(), 'fairlead-hostile-'));
  mkdirSync(joinPath(sandbox, 'outside'));
  writeFileSync(joinPath(sandbox, 'outside/canary'), 'alive');
  store = createTreeStore({
    stateDir: joinPath(sandbox, 'state'),
    fetchPack: async () => {
      throw unreachable();
    },
    onInstead: (_, cause) => {
      instead = cause;
    },
    patches: {
      list: async () => ({
        ...{ schema: 'fairlead/patches@1', full: 2 ** 30 },
        patches: [{ from: OLD_REF.digest, bytes: served.length }],
      }),
      fetch: async (_, file) => writeFileSync(file, served),
      apply: buildFromPatch,
    },
  });
  await store.collect(new Set());
  putOldTree();
});

afterAll(() => rmSync(sandbox, { recursive: true, force: true }));

function placeOfOld(): string {
  return joinPath(sandbox, 'state/store/trees', hexOf(OLD_REF.digest));
}

function putOldTree(): void {
  rmSync(placeOfOld(), { recursive: true, force: true });
  mkdirSync(joinPath(placeOfOld(), 'files'), { recursive: true });
  writeFileSync(joinPath(placeOfOld(), 'index.json'), OLD_INDEX);
  for (const [name, bytes] of Object.entries(OLD_FILES)) {
    writeFileSync(joinPath(placeOfOld(), 'files', name), bytes, { mode: 0o444 });
  }
  symlinkSync('keep', joinPath(placeOfOld(), 'files/link'));
}

/** `refused`, `harmless` when the exact signed tree came out of it, or what went wrong. */
async function outcomeOf({ ref, bytes }: Pick<HostilePack, 'ref' | 'bytes'>): Promise<string> {
  const before = describeTree();
  served = Buffer.from(bytes);
  instead = null;
  const isBuilt = await store.add(ref).then(
    () => true,
    () => false,
  );
  if (isBuilt) {
    const deviations = await store.verify({ tree: ref, writable: [] });
    await store.collect(new Set([OLD_REF.digest]));
    return deviations.length === 0 ? 'harmless' : 'a wrong tree in the store';
  }
  if (JSON.stringify(describeTree()) !== JSON.stringify(before)) return 'something left behind';
  return isFairleadError(instead) && instead.code.startsWith('tree/')
    ? 'refused'
    : `another error: ${instead}`;
}

function describeTree() {
  return describeDirectory(sandbox);
}

async function notRefused(
  patches: readonly HostilePack[],
  isAllowed = (outcome: string): boolean => outcome === 'refused',
) {
  const wrong: (readonly [string, string])[] = [];
  for (const patch of patches) {
    const outcome = await outcomeOf(patch);
    if (!isAllowed(outcome)) wrong.push([patch.name, outcome]);
  }
  return wrong;
}

describe('the store', () => {
  it('takes the honest patch that all others are made from', async () => {
    expect(await outcomeOf({ ref: honest.ref, bytes: honestBytes })).toBe('harmless');
  });

  it('takes a content from the patch that brings it, and looks at no old file for that', async () => {
    rmSync(joinPath(placeOfOld(), 'files/keep'));

    expect(await outcomeOf({ ref: honest.ref, bytes: join(patchSections(generousPatch())) })).toBe(
      'harmless',
    );

    putOldTree();
  });

  it('takes a file that a script builds from an old one', async () => {
    const patch = scriptedPatch();

    expect(await outcomeOf({ ref: patch.ref, bytes: join(patchSections(patch)) })).toBe('harmless');
  });

  it('refuses every patch that lies, in little memory and time', async () => {
    const [memory, began] = [process.resourceUsage().maxRSS, process.cpuUsage()];

    expect(await notRefused(lyingPatches())).toEqual([]);

    // In KiB: the bombs among them announce, or hold, gigabytes.
    expect(process.resourceUsage().maxRSS - memory).toBeLessThan(256 * 1024);
    // In microseconds, of this process.
    expect(process.cpuUsage(began).user).toBeLessThan(20e6);
  });

  it('does not even parse the index of a start that is too large for a patch', async () => {
    const base = joinPath(sandbox, 'large');
    const index = Buffer.alloc(MAX_PATCH_INDEX_BYTES + 1, 'not an index');
    mkdirSync(base);
    writeFileSync(joinPath(base, 'index.json'), index);
    const draft = patchFrom(index);
    writeFileSync(joinPath(base, 'patch'), join(patchSections(draft)));
    const paths = { patch: joinPath(base, 'patch'), base, staging: joinPath(base, 'new') };
    const work = { ...paths, layout: storeLayout(base), ref: draft.ref, shareable: true };

    expect((await rejectionOf(buildFromPatch(work))).code).toBe('tree/pack-damaged');

    rmSync(base, { recursive: true });
  });

  it('refuses every patch that was damaged, but for bits without a meaning', async () => {
    const patches = damagedPatches();

    const harmless: string[] = [];
    const wrong = await notRefused(patches, (outcome) => {
      if (outcome === 'harmless') harmless.push(outcome);
      return outcome === 'refused' || outcome === 'harmless';
    });

    expect(wrong).toEqual([]);
    expect(harmless.length).toBeLessThan(patches.length / 20);
  });
});

describe('a tree that is no longer what a patch starts from', () => {
  const files = () => joinPath(placeOfOld(), 'files');
  const replace = (name: string, put: (path: string) => void) => {
    const path = joinPath(files(), name);
    rmSync(path, { recursive: true });
    put(path);
  };
  const changes: readonly (readonly [string, () => void])[] = [
    [
      'other bytes in a dictionary',
      () => replace('text', (path) => writeFileSync(path, Buffer.alloc(2_000, 'x'))),
    ],
    ['a shorter file in a dictionary', () => replace('text', (path) => writeFileSync(path, 'x'))],
    ['a file gone', () => replace('text', () => undefined)],
    [
      'a link in its place',
      () => replace('text', (path) => symlinkSync(joinPath(sandbox, 'outside/canary'), path)),
    ],
    ['a pipe in its place', () => replace('text', (path) => execFileSync('mkfifo', [path]))],
    ['a directory in its place', () => replace('text', (path) => mkdirSync(path))],
    [
      'other bytes in an unchanged file',
      () => replace('keep', (path) => writeFileSync(path, 'the same? in both'.slice(0, 16))),
    ],
    [
      'a longer unchanged file',
      () => replace('keep', (path) => writeFileSync(path, 'the same in both, and more')),
    ],
    ['an unchanged file gone', () => replace('keep', () => undefined)],
    [
      'a pipe in the place of an unchanged file',
      () => replace('keep', (path) => execFileSync('mkfifo', [path])),
    ],
    ['another index', () => writeFileSync(joinPath(placeOfOld(), 'index.json'), '{}')],
    ['no index', () => rmSync(joinPath(placeOfOld(), 'index.json'))],
    ['no files', () => rmSync(files(), { recursive: true })],
  ];

  it.each(changes)('is refused: %s', async (_, change) => {
    putOldTree();
    change();

    expect(await outcomeOf({ ref: honest.ref, bytes: honestBytes })).toBe('refused');
    expect((instead as FairleadError).code).toBe('tree/base-changed');

    putOldTree();
    expect(await outcomeOf({ ref: honest.ref, bytes: honestBytes })).toBe('harmless');
  });

  it('is a base all the same where the change is in what the patch does not touch', async () => {
    putOldTree();
    replace('link', (path) => writeFileSync(path, 'not a link'));
    chmodSync(joinPath(files(), 'keep'), 0o777);

    expect(await outcomeOf({ ref: honest.ref, bytes: honestBytes })).toBe('harmless');
  });
});
