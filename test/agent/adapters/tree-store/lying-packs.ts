// Packs that carry the signed index and lie about everything else.
import { zstdDecompressSync } from 'node:zlib';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import type { JsonObject } from '../../../../shared/encoding/json.ts';
import type { TreeRef } from '../../../../shared/schema/release.ts';
import type { HostilePack } from './hostile-packs.ts';
import {
  compressWithHugeWindow,
  draftPack,
  headerOf,
  join,
  type PackDraft,
  SAMPLE_ENTRIES,
  sectionsOf,
  type UnitDraft,
  unitOf,
  zstdBomb,
} from './pack-builder.ts';

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
  const bomb = zstdBomb(2);
  const renamed = SAMPLE_ENTRIES.with(-1, { ...SAMPLE_ENTRIES.at(-1), path: 'tfxt' } as JsonObject);
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
  const widened = (unit: UnitDraft): UnitDraft => {
    const packed = compressWithHugeWindow(zstdDecompressSync(unit.packed));
    return { description: { ...unit.description, packed: packed.length }, packed };
  };
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
    ['a bomb that says so', withUnits([bombUnit({ raw: 2 ** 31 })])],
    ['a bomb in a unit of full size', withUnits([bombUnit({ raw: 8 * 2 ** 20 })])],
    ['the right bytes behind a window of 128 MiB', withUnits([widened(first), begin, middle, end])],
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
    ['an index of the same sizes with another name', withIndex(draftPack(renamed).indexBytes, {})],
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
