// Hostile and damaged packs, made from one seed: the same ones on every run.

import type { JsonObject, JsonValue } from '../../../../shared/encoding/json.ts';
import type { TreeRef } from '../../../../shared/schema/release.ts';
import { draftPack, entryOf, headerOf, join, sectionsOf, unitOf } from './pack-builder.ts';

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
