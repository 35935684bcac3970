// Hostile and damaged packs, made from one seed: the same ones on every run.

import { digestOf } from '../../../../shared/encoding/digest.ts';
import type { JsonObject, JsonValue } from '../../../../shared/encoding/json.ts';
import type { TreeRef } from '../../../../shared/schema/release.ts';
import {
  compress,
  draftPack,
  entryOf,
  headerOf,
  join,
  type PackDraft,
  SAMPLE_ENTRIES,
  sectionsOf,
  unitOf,
} from './pack-builder.ts';

export interface HostilePack {
  readonly name: string;
  readonly ref: TreeRef;
  readonly bytes: Buffer;
}

const FLIPS_PER_SECTION = 12;

/** One bit changed, in every section. A few of these bits mean nothing to zstd. */
export function flippedPacks(seed: number): readonly HostilePack[] {
  const random = createRandom(seed);
  const draft = draftPack();
  const honest = join(sectionsOf(draft));
  let start = 0;
  return sectionsOf(draft).flatMap(({ name, bytes }) => {
    const from = start;
    start += bytes.length;
    return Array.from({ length: FLIPS_PER_SECTION }, () => {
      const at = from + random(bytes.length);
      const bit = random(8);
      const flipped = Buffer.from(honest);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
      return { name: `${name}: bit ${bit} of byte ${at - from}`, ref: draft.ref, bytes: flipped };
    });
  });
}

/** Cut at, before and after every border between sections. */
export function truncatedPacks(): readonly HostilePack[] {
  const draft = draftPack();
  const honest = join(sectionsOf(draft));
  const cuts = new Set<number>();
  let border = 0;
  for (const { bytes } of sectionsOf(draft)) {
    for (const cut of [border - 1, border, border + 1, border + (bytes.length >> 1)]) cuts.add(cut);
    border += bytes.length;
  }
  cuts.add(honest.length - 1);
  return [...cuts]
    .filter((cut) => cut >= 0 && cut < honest.length)
    .map((cut) => ({ name: `cut at ${cut}`, ref: draft.ref, bytes: honest.subarray(0, cut) }));
}

/** Sections left out, doubled and exchanged. */
export function rearrangedPacks(): readonly HostilePack[] {
  const draft = draftPack();
  const sections = sectionsOf(draft);
  const honest = join(sections);
  const packs: HostilePack[] = [];
  const add = (name: string, changed: readonly (typeof sections)[number][]) => {
    const bytes = join(changed);
    if (!bytes.equals(honest)) packs.push({ name, ref: draft.ref, bytes });
  };
  sections.forEach((section, i) => {
    add(`without ${section.name}`, sections.toSpliced(i, 1));
    add(`${section.name} twice`, sections.toSpliced(i, 0, section));
    sections.slice(i + 1).forEach((other, j) => {
      add(`${section.name} and ${other.name} exchanged`, sections.with(i, other).with(i + 1 + j, section));
    });
  });
  return packs;
}

/** Bytes that were never a pack. */
export function noisePacks(seed: number): readonly HostilePack[] {
  const random = createRandom(seed);
  const draft = draftPack();
  const { ref } = draft;
  const magic = join(sectionsOf(draft).slice(0, 1));
  return Array.from({ length: 20 }, (_, i) => {
    const noise = Buffer.from(Array.from({ length: random(2000) }, () => random(256)));
    return { name: `noise ${i}`, ref, bytes: i % 2 === 0 ? noise : Buffer.concat([magic, noise]) };
  });
}

/** Indexes that the vendor's key signed: a stolen key or a careless build must not write outside the tree either. */
export function hostileIndexes(): readonly HostilePack[] {
  const link = (path: string, target: string) => ({ kind: 'link', path, target });
  const cases: readonly (readonly [string, readonly JsonValue[]])[] = [
    ['a path that climbs', [entryOf('../../../outside/planted', 'x')]],
    ['a path that climbs later', [entryOf('a/../../../../outside/planted', 'x')]],
    ['an absolute path', [entryOf('/tmp/fairlead-planted', 'x')]],
    ['a NUL in a path', [entryOf('a\u0000b', 'x')]],
    ['a backslash in a path', [entryOf('a\\b', 'x')]],
    ['an empty path', [entryOf('', 'x')]],
    ['a path of one dot', [entryOf('.', 'x')]],
    ['a path with an empty part', [entryOf('a//b', 'x')]],
    ['a path too long', [entryOf('x'.repeat(300), 'x')]],
    ['an absolute link', [link('a', '/etc')]],
    ['an escaping link', [link('a', '../../../../outside')]],
    ['an empty link', [link('a', '')]],
    ['a file through a link', [link('a', 'b'), entryOf('a/x', 'x'), { kind: 'directory', path: 'b' }]],
    ['a file through an escaping link', [link('a', '../../../../../outside'), entryOf('a/planted', 'x')]],
    ['links that escape together', [link('a/up', '..'), link('b', 'a/up/../../outside')]],
    ['a loop of links', [link('a', 'b'), link('b', 'a')]],
    ['one path twice', [entryOf('a', 'x'), entryOf('a', 'x')]],
    ['a link and a file of one path', [entryOf('a', 'x'), link('a', 'b')]],
    ['a file inside a file', [entryOf('a', 'x'), entryOf('a/b', 'x')]],
    ['entries out of order', [entryOf('b', 'x'), entryOf('a', 'x')]],
    ['a listed directory that is not empty', [{ kind: 'directory', path: 'a' }, entryOf('a/b', 'x')]],
    ['a setuid file', [entryOf('a', 'x', { mode: 0o4755 })]],
    ['a setgid file', [entryOf('a', 'x', { mode: 0o2755 })]],
    ['a sticky file', [entryOf('a', 'x', { mode: 0o1755 })]],
    ['a file everyone may write', [entryOf('a', 'x', { mode: 0o666 })]],
    ['a device', [{ kind: 'device', path: 'a', major: 1, minor: 3 }]],
    ['a named pipe', [{ kind: 'fifo', path: 'a' }]],
    ['a hard link', [{ kind: 'hardlink', path: 'a', target: '/etc/passwd' }]],
    ['an unknown key', [entryOf('a', 'x', { uid: 0 })]],
    ['a negative size', [entryOf('a', 'x', { size: -1 })]],
    ['a size with a fraction in text', [entryOf('a', 'x', { size: '1.5' })]],
    ['an entry that is a number', [7]],
    ['an entry that is null', [null]],
    ['two sizes for one digest', [entryOf('a', 'x'), entryOf('b', 'x', { size: 2 })]],
    ['a size larger than its content', [entryOf('a', 'x', { size: 5 })]],
    ['a size smaller than its content', [entryOf('a', 'xyz', { size: 1 })]],
    ['a digest of other content', [entryOf('a', 'x', { digest: entryOf('b', 'y').digest ?? '' })]],
    ['terabytes', [entryOf('a', 'x', { size: 2 ** 50 })]],
  ];
  return cases.map(([name, entries]) => {
    const { ref, indexBytes } = draftPack(entries);
    const position = entries.findIndex((entry) => (entry as JsonObject | null)?.kind === 'file');
    const units = position < 0 ? [] : [unitOf([position], 0, 'x')];
    const draft = { ref, indexBytes, units, header: headerOf(ref.digest, indexBytes, units.length) };
    return { name, ref: { ...ref, bytes: Math.min(ref.bytes, 2 ** 20) }, bytes: join(sectionsOf(draft)) };
  });
}

/** An honest index, and a pack that lies about everything else. */
export function lyingPacks(): readonly HostilePack[] {
  const honest = draftPack();
  const [first, begin, middle, end] = honest.units;
  if (!first || !begin || !middle || !end) throw new Error('the sample has four units');
  const withUnits = (units: PackDraft['units']): PackDraft => ({
    ...honest,
    units,
    header: { ...honest.header, units: units.length },
  });
  const withFirst = (more: JsonObject) =>
    withUnits([{ ...first, description: { ...first.description, ...more } }, begin, middle, end]);
  const withHeader = (more: JsonObject): PackDraft => ({ ...honest, header: { ...honest.header, ...more } });
  const withRef = (more: Partial<TreeRef>): PackDraft => ({ ...honest, ref: { ...honest.ref, ...more } });
  const bomb = compress(Buffer.alloc(256 * 2 ** 20));
  const withIndex = (indexBytes: Uint8Array, lie: JsonObject): PackDraft => {
    const header = headerOf(honest.ref.digest, indexBytes, honest.units.length);
    return {
      ...honest,
      indexBytes,
      header: { ...header, index: { ...(header.index as JsonObject), ...lie } },
    };
  };
  const bombUnit = (more: JsonObject) => ({
    description: { ...first.description, packed: bomb.length, ...more },
    packed: bomb,
  });
  const otherTree = digestOf(Buffer.from('another tree'));
  const drafts: readonly (readonly [string, PackDraft])[] = [
    ['units in the wrong order', withUnits([first, middle, begin, end])],
    ['a file finished before it began', withUnits([first, end, begin, middle])],
    ['a unit missing at the end', withUnits([first, begin, middle])],
    ['a unit missing in the middle', withUnits([first, begin, end])],
    ['a unit twice', withUnits([first, first, begin, middle, end])],
    ['a file that begins twice', withUnits([first, begin, begin, middle, end])],
    ['a file inside another', withUnits([begin, first, middle, end])],
    ['no units', withUnits([])],
    [
      'a content under another file’s position',
      withUnits([unitOf([6], 0, 'another text, same len'.slice(0, 20)), begin, middle, end]),
    ],
    ['other bytes of the right length', withUnits([first, begin, unitOf([2], 400, 'z'.repeat(400)), end])],
    [
      'a copy of a content already given',
      withUnits([first, unitOf([6], 0, 'one text, two files\n'), begin, middle, end]),
    ],
    ['a bomb in a unit', withUnits([bombUnit({}), begin, middle, end])],
    ['a bomb that says so', withUnits([bombUnit({ raw: 256 * 2 ** 20 })])],
    ['a bomb in a unit of full size', withUnits([bombUnit({ raw: 8 * 2 ** 20 })])],
    ['a unit of negative size', withFirst({ raw: -1 })],
    ['a unit that ends past the pack', withFirst({ packed: 8 * 2 ** 20 })],
    ['a unit packed into no bytes', withFirst({ packed: 0 })],
    ['one byte more than a unit has', withFirst({ raw: 51 })],
    ['one byte less than a unit has', withFirst({ raw: 49 })],
    ['an offset past the end', withFirst({ offset: 2 ** 40 })],
    ['an offset inside', withFirst({ offset: 1 })],
    ['a position past the index', withFirst({ files: [0, 1, 99] })],
    ['a negative position', withFirst({ files: [-1] })],
    ['the position of a link', withFirst({ files: [0, 5] })],
    ['the position of a directory', withFirst({ files: [0, 4] })],
    ['no positions', withFirst({ files: [] })],
    ['one position twice', withFirst({ files: [0, 0] })],
    ['a dictionary', withFirst({ dictionary: [1] })],
    ['fewer units than there are', withHeader({ units: 3 })],
    ['more units than there are', withHeader({ units: 5 })],
    ['as many units as a number can say', withHeader({ units: Number.MAX_SAFE_INTEGER })],
    ['the header of another tree', withHeader({ tree: otherTree })],
    ['a delta', withHeader({ base: otherTree })],
    ['a header key too many', withHeader({ install: 'now' })],
    ['a header of megabytes', withHeader({ base: 'x'.repeat(3 * 2 ** 20) })],
    ['an index of another size', withHeader({ index: { ...(honest.header.index as JsonObject), raw: 10 } })],
    ['an index of a gigabyte', withHeader({ index: { packed: 10, raw: 2 ** 30 } })],
    ['an index that ends past the pack', withHeader({ index: { packed: 60 * 2 ** 20, raw: 60 * 2 ** 20 } })],
    ['another index than the signed one', withIndex(draftPack(SAMPLE_ENTRIES.slice(1)).indexBytes, {})],
    ['an index that is a bomb', withIndex(Buffer.alloc(200 * 2 ** 20), { raw: 100 })],
    ['fewer files than signed', withRef({ files: 6 })],
    ['more files than signed', withRef({ files: 4 })],
    ['fewer bytes than signed', withRef({ bytes: honest.ref.bytes + 1 })],
    ['more bytes than signed', withRef({ bytes: honest.ref.bytes - 1 })],
    ['another digest than signed', withRef({ digest: otherTree })],
  ];
  return [
    ...drafts.map(([name, draft]) => ({ name, ref: draft.ref, bytes: join(sectionsOf(draft)) })),
    {
      name: 'bytes after the last unit',
      ref: honest.ref,
      bytes: Buffer.concat([join(sectionsOf(honest)), Buffer.of(0)]),
    },
    {
      name: 'two packs in one',
      ref: honest.ref,
      bytes: Buffer.concat([join(sectionsOf(honest)), join(sectionsOf(honest))]),
    },
    { name: 'no bytes', ref: honest.ref, bytes: Buffer.alloc(0) },
    {
      name: 'a header of four gigabytes',
      ref: honest.ref,
      bytes: Buffer.concat([Buffer.from('FLPACK1\n'), Buffer.alloc(64, 0xff)]),
    },
    { name: 'a later format', ref: honest.ref, bytes: Buffer.from('FLPACK2\n') },
  ];
}

/** mulberry32: whole numbers below `limit`, the same for the same seed. */
function createRandom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}
