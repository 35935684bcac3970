// The shorter way into the store: taken where a patch starts at what is here, and left for the full pack at every surprise.
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readingBases } from '../../../../agent/adapters/tree-store/by-patch.ts';
import type { FetchLimits, Patches, PatchWork } from '../../../../agent/adapters/tree-store/downloads.ts';
import { applyBeside } from '../../../../agent/adapters/tree-store/patch-beside.ts';
import { buildFromPatch } from '../../../../agent/adapters/tree-store/patch-process.ts';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import { type Digest, hexOf } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { ownProgram } from '../../../../shared/node/own-parts.ts';
import { parseIndexInTurns } from '../../../../shared/node/pack-source.ts';
import { maxPatchBytes, type PatchList } from '../../../../shared/protocol/patches.ts';
import { PATCH_FORM } from '../../../../shared/tree/patch-format.ts';
import { patternedBytes, temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { type PackedTree, packedPair } from '../../../support/patched-trees.ts';
import { unreachable } from './pack-server.ts';

const BULK = patternedBytes(200_000, 'bulk');
const OLD = { bulk: BULK, 'lib/a': 'one', gone: 'x' };
const NEW = { bulk: BULK, 'lib/a': 'one, but better', 'lib/b': 'new' };

let old: PackedTree;
let next: PackedTree;
let patch: Buffer;
/** From the new tree to the old one. */
let wrong: Buffer;

beforeAll(async () => {
  ({ old, next, patch, back: wrong } = await packedPair(OLD, NEW));
});

type Serve = (file: string, limits: FetchLimits) => void;

/** Goes on where the file stops, as downloads do. */
const serving =
  (bytes: () => Buffer, upTo = Number.POSITIVE_INFINITY): Serve =>
  (file, { maxBytes }) => {
    const present = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
    const whole = Buffer.concat([present, bytes().subarray(present.length)]).subarray(0, upTo);
    if (whole.length > maxBytes)
      throw new FairleadError('transport/too-large', { url: 'patch', limit: maxBytes });
    writeFileSync(file, whole);
    if (upTo < bytes().length) throw unreachable();
  };

/** Twenty bytes further each time, and no further. */
function dripping(): Serve {
  let at = 0;
  return (file, limits) => {
    at += 20;
    serving(() => patch, at)(file, limits);
  };
}

interface Surroundings {
  readonly list?: (place: number, signal?: AbortSignal) => PatchList | null | Promise<PatchList>;
  readonly serve?: Serve;
  readonly apply?: Patches['apply'];
  readonly pack?: (place: number) => void;
  readonly places?: number;
  /** By how often it was looked for. */
  readonly room?: (looks: number) => number;
}

/** A store that has the old tree, beside a vendor who offers the way to the new one. */
async function storeWith({
  list,
  serve,
  apply = buildFromPatch,
  pack = () => undefined,
  places = 1,
  room = () => 1e9,
}: Surroundings = {}) {
  const stateDir = temporaryDirectory();
  const asked: string[] = [];
  const instead: unknown[] = [];
  let looks = Number.NEGATIVE_INFINITY;
  const packs = new Map([old, next].map(({ ref, pack }) => [hexOf(ref.digest), pack]));
  const store = createTreeStore({
    stateDir,
    places: async () => places,
    diskSpace: async () => ({ blockBytes: 4096, freeBytes: room(looks++), freeInodes: 1e6 }),
    fetchPack: async (hex, file, { place }) => {
      asked.push(`pack ${place}`);
      pack(place);
      writeFileSync(file, packs.get(hex) ?? '');
    },
    onInstead: (_, cause) => void instead.push(cause),
    patches: {
      list: async (_, place, signal) => {
        asked.push(`list ${place}`);
        return (list ?? (() => offered()))(place, signal);
      },
      fetch: async ({ treeHex, fromHex }, file, limits) => {
        expect([treeHex, fromHex]).toEqual([hexOf(next.ref.digest), hexOf(old.ref.digest)]);
        asked.push(`patch ${limits.place}`);
        (serve ?? serving(() => patch))(file, limits);
      },
      apply,
    },
  });
  await store.add(old.ref);
  asked.length = 0;
  looks = 0;
  return { store, asked, instead, stateDir, temporary: () => readdirSync(join(stateDir, 'store/tmp')) };
}

function offered(more: Partial<PatchList> = {}): PatchList {
  const patches = [{ from: old.ref.digest, bytes: patch.length }];
  return { schema: 'fairlead/patches@1', full: next.pack.length, patches, ...more };
}

describe('a tree to which a patch leads from one that is here', () => {
  it('comes by the patch alone, every file as it was signed', async () => {
    const { store, asked, instead, temporary } = await storeWith();

    expect(await store.add(next.ref)).toEqual({ way: 'patch', bytes: patch.length });

    expect(asked).toEqual(['list 0', 'patch 0']);
    expect(await store.verify({ tree: next.ref, writable: [] })).toEqual([]);
    expect(await store.verify({ tree: old.ref, writable: [] })).toEqual([]);
    expect(patch.length).toBeLessThan(maxPatchBytes(next.pack.length));
    expect([instead, temporary()]).toEqual([[], []]);
  });

  it('is built by a process of its own', async () => {
    const { store } = await storeWith({ apply: (work) => applyBeside(work) });

    expect(await store.add(next.ref)).toMatchObject({ way: 'patch' });

    expect(await store.verify({ tree: next.ref, writable: [] })).toEqual([]);
  });

  it('is taken from a process that has said how it went, and hangs while it leaves', async () => {
    const [node = '', ...words] = ownProgram('agent/cli/main.ts');
    const program = ['/bin/sh', '-c', '"$@"; exec sleep 600', 'sh', node, ...words, 'agent', 'patch'];
    const { store } = await storeWith({ apply: (work) => applyBeside(work, undefined, program) });

    expect(await store.add(next.ref)).toMatchObject({ way: 'patch' });
  });

  it.each<[string, (index: string) => void, number]>([
    ['is read', () => undefined, 1],
    ['that was changed is not', (index) => change(index, (path) => appendFileSync(path, ' ')), 0],
    ['that is gone is not', (index) => rmSync(index), 0],
  ])('has the index of its start read meanwhile; one %s', async (_, before, reads) => {
    const { stateDir } = await storeWith();
    const base = join(stateDir, 'store/trees', hexOf(old.ref.digest));
    const read: Digest[] = [];
    const unused = async () => expect.fail();
    const patches = readingBases(
      { list: unused, fetch: unused, apply: async () => undefined },
      async (tree, bytes) => {
        read.push(tree);
        return await parseIndexInTurns(bytes);
      },
    );
    before(join(base, 'index.json'));

    await patches.apply({ base } as PatchWork);

    expect(read).toEqual(Array(reads).fill(old.ref.digest));
  });

  it('comes by the smallest of several', async () => {
    const other = `sha256:${'7'.repeat(64)}` as Digest;
    const smaller = { from: other, bytes: 1 };
    const { store, asked } = await storeWith({
      list: () => offered({ patches: [smaller, { from: old.ref.digest, bytes: patch.length }] }),
    });

    // The smallest starts at what is not here.
    expect(await store.add(next.ref)).toMatchObject({ way: 'patch', bytes: patch.length });
    expect(asked).toEqual(['list 0', 'patch 0']);
  });

  it('goes on where the line broke, in the same breath', async () => {
    let cuts = 0;
    const { store, asked } = await storeWith({
      serve: (file, limits) =>
        serving(() => patch, cuts++ === 0 ? patch.length >> 1 : undefined)(file, limits),
    });

    expect(await store.add(next.ref)).toEqual({ way: 'patch', bytes: patch.length });
    expect(asked).toEqual(['list 0', 'patch 0', 'patch 0']);
  });

  it('comes whole from the nearest place that has no patches: what is near is cheap', async () => {
    const { store, asked } = await storeWith({
      places: 2,
      list: (place) => (place === 0 ? null : offered()),
    });

    await store.add(next.ref);

    expect(asked).toEqual(['list 0', 'pack 0']);
  });
});

describe('nobody is asked for patches', () => {
  it('by a store in which nothing is', async () => {
    const asked: string[] = [];
    const store = createTreeStore({
      stateDir: temporaryDirectory(),
      fetchPack: async (_, file) => writeFileSync(file, next.pack),
      patches: {
        list: async () => {
          asked.push('list');
          return null;
        },
        fetch: async () => undefined,
        apply: async () => undefined,
      },
    });

    expect(await store.add(next.ref)).toEqual({ way: 'pack', bytes: next.pack.length });
    expect(asked).toEqual([]);
  });
});

const throwing = (error: Error): never => {
  throw error;
};
const missing = () =>
  new FairleadError('transport/refused', { url: 'patch', status: 404, problem: 'not there' });
const files = (stateDir: string) => join(stateDir, 'store/trees', hexOf(old.ref.digest), 'files');

/** What comes before the surprise; then what goes wrong. Where nothing is said to be gone on with, the patch was no offer. */
const SURPRISES: readonly (readonly [
  what: string,
  surroundings: () => Surroundings,
  code: string | null,
  before?: (stateDir: string) => void,
])[] = [
  ['no list', () => ({ list: () => null }), null],
  ['a list that names another start', () => ({ list: () => offered({ patches: [] }) }), null],
  ['a patch that saves too little', () => ({ list: () => offered({ full: patch.length }) }), null],
  ['a list that cannot be had', () => ({ list: () => throwing(unreachable()) }), 'transport/unreachable'],
  [
    'a list that is none',
    () => ({ list: () => throwing(new FairleadError('document/invalid', { document: 'x', issues: [] })) }),
    'document/invalid',
  ],
  ['a patch that is gone', () => ({ serve: () => throwing(missing()) }), 'transport/refused'],
  [
    'a patch longer than was said',
    () => ({ list: () => offered({ patches: [{ from: old.ref.digest, bytes: 10 }] }) }),
    'transport/too-large',
  ],
  ['a line that breaks at once', () => ({ serve: () => throwing(unreachable()) }), 'transport/unreachable'],
  ['a line that breaks twice', () => ({ serve: dripping() }), 'transport/unreachable'],
  [
    'half a patch',
    () => ({ serve: (file) => writeFileSync(file, patch.subarray(0, patch.length >> 1)) }),
    'tree/pack-damaged',
  ],
  [
    'a patch with other bytes',
    () => ({ serve: (file) => writeFileSync(file, Buffer.from(patch).fill(7, patch.length - 30)) }),
    'tree/pack-damaged',
  ],
  [
    'a login page',
    () => ({ serve: (file) => writeFileSync(file, '<html>sign in</html>') }),
    'tree/pack-damaged',
  ],
  [
    'the patch to another tree',
    () => ({ serve: (file) => writeFileSync(file, wrong.subarray(0, patch.length)) }),
    'tree/mismatch',
  ],
  [
    'a start that was changed',
    () => ({}),
    'tree/base-changed',
    (dir) => change(join(files(dir), 'bulk'), (path) => appendFileSync(path, '!')),
  ],
  ['a start that lacks a file', () => ({}), 'tree/base-changed', (dir) => rmSync(join(files(dir), 'bulk'))],
  [
    'a start without its index',
    () => ({}),
    'tree/base-changed',
    (dir) => rmSync(join(files(dir), '../index.json')),
  ],
  [
    'a process that is killed',
    () => ({ apply: (work) => applyBeside(work, undefined, ['/bin/sh', '-c', 'kill -9 $$']) }),
    'tree/patch-failed',
  ],
  [
    'a process that says rubbish',
    () => ({ apply: (work) => applyBeside(work, undefined, ['/bin/echo']) }),
    'tree/patch-failed',
  ],
  [
    'a process that cannot begin',
    () => ({ apply: (work) => applyBeside(work, undefined, ['/no/such/program']) }),
    'tree/patch-failed',
  ],
];

describe('the full pack is fetched', () => {
  const rows = SURPRISES.map(([what, surroundings, code, before]) => ({ what, surroundings, code, before }));
  it.each(rows)('at $what', async ({ surroundings, code, before }) => {
    const { store, instead, temporary, stateDir, asked } = await storeWith(surroundings());
    before?.(stateDir);

    const fetched = await store.add(next.ref);

    expect(fetched?.way).toBe('pack');
    expect(asked.at(-1)).toBe('pack 0');
    expect(await store.verify({ tree: next.ref, writable: [] })).toEqual([]);
    expect(instead.map((cause) => (cause as FairleadError).code)).toEqual(code === null ? [] : [code]);
    expect(fetched?.instead).toBe(instead[0]);
    await store.collect(new Set([next.ref.digest]));
    expect(temporary()).toEqual([]);
  });

  it('with what came of the patch counted', async () => {
    const { store } = await storeWith({ serve: (file) => writeFileSync(file, Buffer.alloc(patch.length)) });

    expect(await store.add(next.ref)).toMatchObject({ way: 'pack', bytes: patch.length + next.pack.length });
  });

  it('not where whoever began it ends the process that applies it', async () => {
    const ended = new AbortController();
    const { store, temporary } = await storeWith({
      apply: (work, signal) => applyBeside(work, signal, ['/bin/sh', '-c', 'exec sleep 600']),
    });
    setTimeout(() => ended.abort(), 100);

    expect((await rejectionOf(store.add(next.ref, ended.signal))).code).toBe('tree/patch-failed');
    expect(temporary()).toEqual([]);
  });

  it('not where whoever began it ends the wait for the list', async () => {
    const ended = new AbortController();
    const { store, asked } = await storeWith({
      list: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(unreachable()));
          ended.abort();
        }),
      places: 2,
    });

    expect((await rejectionOf(store.add(next.ref, ended.signal))).code).toBe('transport/unreachable');
    expect(asked).toEqual(['list 0']);
  });

  it('not where the wait was ended by whoever began it', async () => {
    const ended = new AbortController();
    const { store, asked } = await storeWith({
      serve: () => {
        ended.abort();
        throw unreachable();
      },
    });

    expect((await rejectionOf(store.add(next.ref, ended.signal))).code).toBe('transport/unreachable');
    expect(asked).toEqual(['list 0', 'patch 0']);
    expect(await store.has(next.ref.digest)).toBe(false);
  });
});

describe('no full pack is fetched, which is larger still', () => {
  const FULL_DISK = new URL('../../../support/full-disk.ts', import.meta.url).href;
  const [node = '', ...rest] = ownProgram('agent/cli/main.ts');
  const onFullDisk = [node, '--import', FULL_DISK, ...rest, 'agent', 'patch'];

  it('where the disk fills while the patch is applied', async () => {
    const { store, asked, temporary } = await storeWith({
      apply: (work) => applyBeside(work, undefined, onFullDisk),
    });

    expect((await rejectionOf(store.add(next.ref))).code).toBe('disk/full');

    expect([asked, temporary()]).toEqual([['list 0', 'patch 0'], []]);
  });
});

describe('no list of patches keeps an install from its update', () => {
  const greedy = () =>
    offered({ full: Number.MAX_SAFE_INTEGER, patches: [{ from: old.ref.digest, bytes: 1e15 }] });
  // Less than a pack of these may measure, more than there is room for.
  const large = () => offered({ full: 1e9, patches: [{ from: old.ref.digest, bytes: 4e6 }] });
  const scarce = 16 * 2 ** 20 + 3e6;

  it('which says of a patch that it is larger than any pack: it is passed over', async () => {
    const { store, asked, instead } = await storeWith({ list: greedy });

    expect(await store.add(next.ref)).toEqual({ way: 'pack', bytes: next.pack.length });
    expect([asked, instead]).toEqual([['list 0', 'pack 0'], []]);
    expect(await store.weigh(next.ref)).toMatchObject({ way: 'pack' });
  });

  it('which names patches of a form that came later alone: none of their bytes is fetched', async () => {
    const later = { from: old.ref.digest, bytes: 10, form: PATCH_FORM + 1 };
    const { store, asked, instead } = await storeWith({ list: () => offered({ patches: [later] }) });

    expect(await store.weigh(next.ref)).toEqual({ way: 'pack', bytes: next.pack.length });
    expect(await store.add(next.ref)).toEqual({ way: 'pack', bytes: next.pack.length });
    expect([asked, instead]).toEqual([['list 0', 'list 0', 'pack 0'], []]);
  });

  it.each([[{}], [{ form: PATCH_FORM }]])(
    'which has one of a form that came later beside one of %j: that is taken',
    async (said) => {
      const later = { from: old.ref.digest, bytes: 10, form: PATCH_FORM + 1 };
      const known = { from: old.ref.digest, bytes: patch.length, ...said };
      const { store, asked } = await storeWith({ list: () => offered({ patches: [later, known] }) });

      expect(await store.add(next.ref)).toMatchObject({ way: 'patch' });
      expect(asked).toEqual(['list 0', 'patch 0']);
    },
  );

  it('which says of a patch that there is no room for it', async () => {
    const { store, asked, instead } = await storeWith({ list: large, room: () => scarce });

    expect(await store.add(next.ref)).toMatchObject({ way: 'pack' });
    expect(asked).toEqual(['list 0', 'pack 0']);
    expect((instead[0] as FairleadError).code).toBe('disk/full');
  });

  it('where its place has no honest pack either: the next place is asked', async () => {
    const { store, asked } = await storeWith({
      places: 2,
      list: (place) => (place === 0 ? large() : offered()),
      room: () => scarce,
      pack: (place) => (place === 0 ? throwing(missing()) : undefined),
    });

    expect(await store.add(next.ref)).toMatchObject({ way: 'patch' });
    expect(asked).toEqual(['list 0', 'pack 0', 'list 1', 'patch 1']);
  });

  it('where the disk has no room for what it sends', async () => {
    const full = new FairleadError('disk/full', { path: 'patch', needed: 1, free: 0 });
    const { store, asked, temporary } = await storeWith({ serve: () => throwing(full) });

    expect(await store.add(next.ref)).toMatchObject({ way: 'pack' });
    expect([asked, temporary()]).toEqual([['list 0', 'patch 0', 'pack 0'], []]);
  });
});

describe('a download that broke off', () => {
  it('is gone on with by the next agent, and outlives a collection', async () => {
    const ended = new AbortController();
    const cut = serving(() => patch, patch.length >> 1);
    const { store, temporary } = await storeWith({
      serve: (file, limits) => {
        const isFirst = !ended.signal.aborted;
        ended.abort();
        (isFirst ? cut : serving(() => patch))(file, limits);
      },
    });
    await rejectionOf(store.add(next.ref, ended.signal));
    await store.collect(new Set([old.ref.digest, next.ref.digest]));
    expect(temporary()).toHaveLength(1);

    expect(await store.add(next.ref)).toMatchObject({ way: 'patch', bytes: patch.length });
  });
});

describe('what would be fetched', () => {
  it.each([
    ['of a patch', () => ({}), () => ({ way: 'patch', bytes: patch.length })],
    [
      'of a full pack',
      () => ({ list: () => offered({ patches: [] }) }),
      () => ({ way: 'pack', bytes: next.pack.length }),
    ],
    ['is not known where nobody says', () => ({ list: () => null }), () => null],
    ['is not known where nobody can be asked', () => ({ list: () => throwing(unreachable()) }), () => null],
  ] satisfies readonly (readonly [string, () => Surroundings, () => object | null])[])(
    '%s',
    async (_what, surroundings, expected) => {
      const { store } = await storeWith(surroundings());

      expect(await store.weigh(next.ref)).toEqual(expected());
    },
  );
});

function change(path: string, how: (path: string) => void): void {
  chmodSync(path, 0o644);
  how(path);
  chmodSync(path, 0o444);
}
