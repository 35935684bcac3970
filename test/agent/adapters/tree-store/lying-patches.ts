// Patches that carry the signed index and lie about everything else, and patches that were damaged.
import { zstdCompressSync } from 'node:zlib';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import type { JsonObject, JsonValue } from '../../../../shared/encoding/json.ts';
import { MAX_UNIT_BYTES } from '../../../../shared/tree/pack-format.ts';
import type { HostilePack } from './hostile-packs.ts';
import { compressWithHugeWindow, join, type Section, zstdBomb } from './pack-builder.ts';
import {
  compressed,
  draftPatch,
  NEW_ENTRIES,
  OLD_FILES,
  type PatchDraft,
  PLAN,
  patchSections,
  scriptOf,
  TAIL,
  unitFrom,
  unitOf,
  withPart,
  withPlan,
} from './patch-builder.ts';

const honest = draftPatch();
const [first, second, third] = honest.units as [U, U, U];
type U = PatchDraft['units'][number];

const withUnits = (units: PatchDraft['units'], plan: JsonValue = PLAN) =>
  withPlan({ ...honest, units }, plan);
const withFirst = (more: JsonObject) => withPlan(honest, PLAN.with(0, { ...PLAN[0], ...more }));
const withHeader = (more: JsonObject): PatchDraft => ({ ...honest, header: { ...honest.header, ...more } });
const withRef = (more: Partial<PatchDraft['ref']>) => ({ ...honest, ref: { ...honest.ref, ...more } });

export function lyingPatches(): readonly HostilePack[] {
  const bomb = zstdBomb(2);
  const wide = compressWithHugeWindow(Buffer.alloc(MAX_UNIT_BYTES, 'x'));
  const other = digestOf(Buffer.from('another tree'));
  const nothing = { bases: [], files: [5], offset: 0, raw: 0 };
  const empty = unitOf(new Uint8Array());
  const entries = (more: JsonObject) => draftPatch(NEW_ENTRIES.with(4, { ...NEW_ENTRIES[4], ...more }));
  const huge = { bases: [[2, 0, 16 * 2 ** 20 - 100]], files: [1], offset: 0, raw: 1 };
  const drafts: readonly (readonly [string, PatchDraft])[] = [
    ['a tree that is not here', withHeader({ from: other })],
    ['the tree it leads to', withHeader({ from: honest.ref.digest })],
    ['another end', withHeader({ to: other })],
    ['another signed tree', withRef({ digest: other })],
    ['fewer files than signed', withRef({ files: 4 })],
    ['more bytes than signed', withRef({ bytes: honest.ref.bytes - 1 })],
    ['a header key too many', withHeader({ install: 'now' })],
    ['a window of gigabytes', withHeader({ window: 31 })],
    ['no window', withHeader({ window: 0 })],
    ['a window too small for its parts', withHeader({ window: 10 })],
    ['a window within a unit that the header does not say', withUnits([first, unitFrom([0], wide), third])],
    ['a dictionary larger than any', withHeader({ dictionary: 2 ** 30 })],
    ['a dictionary larger than it says', withHeader({ dictionary: 100 })],
    ['an index of a gigabyte', withHeader({ index: { packed: 10, raw: 2 ** 30 } })],
    ['a plan of a gigabyte', withHeader({ plan: { packed: 10, raw: 2 ** 30 } })],
    ['an index that ends past the patch', withHeader({ index: { packed: 2 ** 23, raw: 2 ** 23 } })],
    ['an index without the old one', withPart(honest, 'index', compressed(Buffer.from('{}')), 2)],
    ['an index that is a bomb', withPart(honest, 'index', bomb, 1_000)],
    ['a plan that is a bomb', withPart(honest, 'plan', bomb, 2 ** 21)],
    ['a plan that is no JSON', withPart(honest, 'plan', compressed(Buffer.from('plan')), 4)],
    [
      'a plan as deep as it is long',
      withPart(honest, 'plan', compressed(Buffer.alloc(2 ** 20, '[')), 2 ** 20),
    ],
    ['a plan key too many', withPlan(honest, PLAN, { hooks: [] })],
    ['a unit key too many', withFirst({ exec: 'sh' })],
    ['no units', withUnits([], [])],
    ['a unit less', withUnits([first, second], PLAN.slice(0, 2))],
    ['a unit less than planned', withUnits([first, second])],
    ['a unit more than planned', withUnits([first, second, third, empty])],
    ['units in another order', withUnits([first, third, second])],
    [
      'a file that goes on before it began',
      withUnits([first, third, second], [PLAN[0], PLAN[2], PLAN[1]] as JsonValue),
    ],
    [
      'a content twice',
      withUnits([first, first, second, third], [PLAN[0], PLAN[0], PLAN[1], PLAN[2]] as JsonValue),
    ],
    [
      'a thousand units of nothing',
      withUnits(
        [first, second, third, ...Array(1_000).fill(empty)],
        [...PLAN, ...Array(1_000).fill(nothing)],
      ),
    ],
    [
      'a unit that ends within a file and is not full',
      withUnits([first, second, unitOf(TAIL.subarray(0, 700)), unitOf(TAIL.subarray(700))], [
        ...PLAN.slice(0, 2),
        { bases: [], files: [1], offset: MAX_UNIT_BYTES, raw: 700 },
        { bases: [], files: [1], offset: MAX_UNIT_BYTES + 700, raw: 800 },
      ] as JsonValue),
    ],
    ['a thousand units without a file', withPlan(honest, Array(1_000).fill({ ...nothing, files: [] }))],
    [
      'other bytes of the right length',
      withUnits([unitOf(Buffer.alloc(2_013, 'z'), OLD_FILES.text), second, third]),
    ],
    [
      'bytes for another dictionary',
      withUnits([first, second, unitOf(OLD_FILES.text.subarray(100, 1_600), OLD_FILES.text)]),
    ],
    ['a bomb in a unit', withUnits([unitFrom([0], bomb), second, third])],
    ['a unit of four gigabytes', withUnits([{ ...first, length: 2 ** 32 - 1 }, second, third])],
    ['a unit longer than it is', withUnits([{ ...first, length: first.length + 1 }, second, third])],
    ['a unit packed into no bytes', withUnits([{ length: 0, packed: new Uint8Array() }, second, third])],
    ...lyingScripts(bomb),
    ['one byte more than a unit has', withFirst({ raw: 2_014 })],
    ['one byte less than a unit has', withFirst({ raw: 2_012 })],
    ['a unit of negative size', withFirst({ raw: -1 })],
    ['a unit of a gigabyte', withFirst({ raw: 2 ** 30 })],
    ['an offset inside', withFirst({ offset: 1 })],
    ['a position past the index', withFirst({ files: [6, 99] })],
    ['the position of a link', withFirst({ files: [6, 4] })],
    ['the position of a directory', withFirst({ files: [2] })],
    ['a position twice', withFirst({ files: [6, 6] })],
    ['an old position past the index', withFirst({ bases: [[6, 0, 10]] })],
    ['an old position that is negative', withFirst({ bases: [[-1, 0, 10]] })],
    ['an old position that is a link', withFirst({ bases: [[1, 0, 10]] })],
    ['a stretch past the end of its file', withFirst({ bases: [[2, 1, 2_000]] })],
    ['a stretch that begins past every end', withFirst({ bases: [[2, Number.MAX_SAFE_INTEGER, 1]] })],
    ['a stretch of nothing', withFirst({ bases: [[2, 0, 0]] })],
    ['a stretch of four numbers', withFirst({ bases: [[2, 0, 1, 1]] })],
    ['a stretch a hundred times', withFirst({ bases: Array(100).fill([2, 0, 2_000]) })],
    [
      'dictionaries out of all proportion',
      withPlan(withHeader({ dictionary: 16 * 2 ** 20 }), [...PLAN, ...Array(8).fill(huge)]),
    ],
    ['a signed link that leads out', entries({ target: '../../../../outside' })],
    ['a signed link in the way of a file', entries({ target: '.', path: 'nothing' })],
    ['a signed path that climbs', draftPatch(NEW_ENTRIES.with(0, { ...NEW_ENTRIES[0], path: '../copy' }))],
  ];
  return [
    ...drafts.map(([name, draft]) => ({ name, ref: draft.ref, bytes: join(patchSections(draft)) })),
    {
      name: 'bytes after the last unit',
      ref: honest.ref,
      bytes: Buffer.concat([join(patchSections(honest)), Buffer.of(0)]),
    },
    { name: 'no bytes', ref: honest.ref, bytes: Buffer.alloc(0) },
    { name: 'a later format', ref: honest.ref, bytes: Buffer.from('FLPATCH2\n') },
    {
      name: 'a header of four gigabytes',
      ref: honest.ref,
      bytes: Buffer.concat([Buffer.from('FLPATCH1\n'), Buffer.alloc(64, 0xff)]),
    },
    { name: 'a zstd file', ref: honest.ref, bytes: zstdCompressSync(Buffer.from('a patch')) },
  ];
}

/** From a tree of another index than the sample's, which alone its header says. */
export function patchFrom(index: Uint8Array): PatchDraft {
  return withHeader({ from: digestOf(index) });
}

/** `keep` comes in a unit, though the old tree has it: as where a service may have written to it. */
export function generousPatch(): PatchDraft {
  return withUnits(
    [first, second, third, unitOf(OLD_FILES.keep)],
    [...PLAN, { bases: [], files: [3], offset: 0, raw: OLD_FILES.keep.length }],
  );
}

/** Of the first unit, 2,013 bytes; the dictionary has 2,009 with its magic. */
function lyingScripts(bomb: Uint8Array): readonly (readonly [string, PatchDraft])[] {
  const script = (numbers: readonly number[], rest = 0, length?: number) =>
    withUnits([scriptOf(numbers, Buffer.alloc(rest), OLD_FILES.text, length), second, third]);
  // 0xdd 0x0f is 2,013.
  return [
    ['a coding that nobody knows', withUnits([unitFrom([2], first.packed.subarray(1)), second, third])],
    ['a unit that is its coding alone', withUnits([unitFrom([1], new Uint8Array()), second, third])],
    ['a script of gigabytes', withUnits([unitFrom([1, 255, 255, 255, 255], bomb), second, third])],
    ['a script that is a bomb', withUnits([unitFrom([1, 0, 0, 8, 0], bomb), second, third])],
    ['a script without an end', script([])],
    ['a script of nothing', script([0, 0])],
    ['a script longer than it says', script([0, 0], 0, 1)],
    ['a script of zeros of the right length', script([4, 0xdd, 0x0f, 0, 0, 0xdd, 0x0f], 2_013)],
    ['more steps than it has', script([200, 1, 0], 2_013)],
    ['more literals than it has', script([4, 0xde, 0x0f, 0, 0, 0xde, 0x0f], 2_013)],
    ['a step that copies past the dictionary', script([4, 0, 0, 0xdd, 0x0f, 0], 2_013)],
    ['a step that seeks before it', script([4, 0xdd, 0x0f, 1, 0, 0xdd, 0x0f], 2_013)],
    ['a step of nothing', script([7, 0xdd, 0x0f, 0, 0, 0, 0, 0, 0xdd, 0x0f], 2_013)],
    ['a step that makes more than its unit', script([4, 0xff, 0x0f, 0, 0, 0xff, 0x0f], 2_047)],
    ['a number without an end', script(Array(20).fill(255), 2_013)],
  ];
}

/** Every section left out, doubled, exchanged, cut, and with bits flipped. */
export function damagedPatches(): readonly HostilePack[] {
  const sections = patchSections(honest);
  const damaged: HostilePack[] = [];
  const add = (name: string, changed: readonly Section[]) =>
    damaged.push({ name, ref: honest.ref, bytes: join(changed) });
  sections.forEach((section, i) => {
    add(`without ${section.name}`, sections.toSpliced(i, 1));
    add(`${section.name} twice`, sections.toSpliced(i, 0, section));
    const half = { ...section, bytes: section.bytes.subarray(0, section.bytes.length >> 1) };
    add(`cut within ${section.name}`, [...sections.slice(0, i), half]);
    for (let at = 0; at < section.bytes.length; at += Math.ceil(section.bytes.length / 9)) {
      const bytes = Buffer.from(section.bytes);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      add(`a bit of byte ${at} of ${section.name}`, sections.with(i, { ...section, bytes }));
    }
  });
  return damaged;
}
