// Patches that carry the signed index and lie about everything else, and patches that were damaged.
import { zstdCompressSync } from 'node:zlib';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import type { JsonObject, JsonValue } from '../../../../shared/encoding/json.ts';
import { MAX_UNIT_BYTES } from '../../../../shared/tree/pack-format.ts';
import { MAX_DICTIONARY_BYTES } from '../../../../shared/tree/patch-format.ts';
import type { HostilePack } from './hostile-packs.ts';
import { compressWithHugeWindow, join, type Section, zstdBomb } from './pack-builder.ts';
import {
  compressed,
  draftPatch,
  LATER,
  NEW_ENTRIES,
  OLD_FILES,
  type PatchDraft,
  PLAN,
  patchSections,
  TAIL,
  unitFrom,
  unitOf,
  withPart,
  withPlan,
  withScripts,
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
  const huge = { bases: [[2, 0, MAX_DICTIONARY_BYTES - 100]], files: [1], offset: 0, raw: 1 };
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
    ['a window within a unit that the header does not say', withUnits([first, unitFrom(wide), third])],
    ['a dictionary larger than any', withHeader({ dictionary: 2 ** 30 })],
    ['a dictionary larger than it says', withHeader({ dictionary: 100 })],
    ['an index of a gigabyte', withHeader({ index: { packed: 10, raw: 2 ** 30 } })],
    ['a plan of a gigabyte', withHeader({ plan: { packed: 10, raw: 2 ** 30 } })],
    ['an index that ends past the patch', withHeader({ index: { packed: 2 ** 23, raw: 2 ** 23 } })],
    ['an index without the old one', withPart(honest, 'index', compressed(Buffer.from('{}')), 2)],
    ['an index that is a bomb', withPart(honest, 'index', bomb, 1_000)],
    ['scripts of a gigabyte', withHeader({ scripts: { packed: 10, raw: 2 ** 30 } })],
    ['scripts that are a bomb', withPart(honest, 'scripts', bomb, 2 ** 20)],
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
    ['a bomb in a unit', withUnits([unitFrom(bomb), second, third])],
    ['a unit of four gigabytes', withUnits([{ ...first, length: 2 ** 32 - 1 }, second, third])],
    ['a unit longer than it is', withUnits([{ ...first, length: first.length + 1 }, second, third])],
    ['a unit packed into no bytes', withUnits([{ length: 0, packed: new Uint8Array() }, second, third])],
    ...lyingScripts(),
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
      withPlan(withHeader({ dictionary: MAX_DICTIONARY_BYTES }), [...PLAN, ...Array(14).fill(huge)]),
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
    {
      name: 'an earlier format',
      ref: honest.ref,
      bytes: Buffer.concat([Buffer.from('FLPATCH1\n'), join(patchSections(honest).slice(1))]),
    },
    { name: 'a later format', ref: honest.ref, bytes: Buffer.from('FLPATCH3\n') },
    {
      name: 'a header of four gigabytes',
      ref: honest.ref,
      bytes: Buffer.concat([Buffer.from('FLPATCH2\n'), Buffer.alloc(64, 0xff)]),
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

/** Of the new `text` (2,013 bytes) from the old one (2,000), which is copied up to 700 and after the 13 new bytes. */
const SCRIPT = [1, 6, 2, 0, ...number(700), 13, 0, ...number(1_300), 0, 0, 0];
const SCRIPTED_PLAN: readonly JsonObject[] = [
  { bases: [], files: [6], offset: 0, raw: 2_013 },
  { ...PLAN[0], files: [5], raw: 0 },
];

/** The honest patch, with a script for `text`. */
export function scriptedPatch(
  numbers: readonly number[] = SCRIPT,
  plan: readonly JsonValue[] = SCRIPTED_PLAN,
) {
  const body = Buffer.concat([LATER.subarray(700, 713), Buffer.alloc(2_000)]);
  const units = [unitOf(body), unitOf(new Uint8Array(), OLD_FILES.text), second, third];
  return withScripts(withUnits(units, [...plan, ...PLAN.slice(1)]), numbers);
}

function lyingScripts(): readonly (readonly [string, PatchDraft])[] {
  const [unit, rest] = SCRIPTED_PLAN as [JsonObject, JsonObject];
  const steps = (...numbers: readonly number[]) => scriptedPatch([1, 6, 2, ...numbers]);
  return [
    ['scripts of nothing', scriptedPatch([])],
    ['scripts that go on', scriptedPatch([...SCRIPT, 0])],
    ...lyingAddresses(),
    ['a script less than they say', scriptedPatch([2, ...SCRIPT.slice(1)])],
    ['a file with two scripts', scriptedPatch([2, ...SCRIPT.slice(1), ...SCRIPT.slice(1)])],
    ['a script for a link', scriptedPatch([1, 4, 2, 0, ...number(1_000), 0, 0, 0])],
    ['a script for a file past the index', scriptedPatch([1, 99, 2, 0, ...number(1_000), 0, 0, 0])],
    ['a script from a link', scriptedPatch([1, 6, 1, 0, ...number(2_000), 13, 0, 0])],
    ['a script from a file past the index', scriptedPatch([1, 6, 99, 0, ...number(2_000), 13, 0, 0])],
    ['a script that ends early', steps(0, ...number(700), 13)],
    ['a step that copies past the old file', steps(0, ...number(2_001), 12, 0, 0)],
    ['a step that seeks before it', steps(1, ...number(700), 13, 0, ...number(1_300), 0, 0, 0)],
    ['a step that seeks past it', steps(...number(4_000), 1, 0, 0, 0, ...number(2_012), 0, 0)],
    ['a step of nothing', steps(0, 0, 0, ...SCRIPT.slice(3))],
    ['a step that makes more than its file', steps(0, ...number(700), ...number(1_314), 0, 0)],
    ['a number without an end', scriptedPatch(Array(20).fill(255))],
    ['a million steps', scriptedPatch([1, 1, 2, ...ONE_LITERAL_EACH, 0, 0])],
    ['other places of the right length', steps(2, ...number(700), 13, 0, ...number(1_299), 1, 0, 0)],
    ['a scripted file in a thousand units', scriptedPatch(SCRIPT, [...Array(1_000).fill(unit), rest])],
    [
      'an empty file with a script ten thousand times',
      scriptedPatch([...number(10_000), ...Array(40_000).fill(0)]),
    ],
    ['a scripted file with another one', scriptedPatch(SCRIPT, [PLAN[0] as JsonObject])],
    ['a scripted file with a dictionary', scriptedPatch(SCRIPT, [{ ...unit, bases: [[2, 0, 9]] }, rest])],
    ['a scripted unit past the end of its file', scriptedPatch(SCRIPT, [{ ...unit, raw: 2_014 }, rest])],
    ['a scripted unit that begins there', scriptedPatch(SCRIPT, [{ ...unit, offset: 9_999 }, rest])],
    [
      'more copied than its header says',
      { ...scriptedPatch(), header: { ...scriptedPatch().header, dictionary: 1_000 } },
    ],
  ];
}

/** What a script says of addresses, behind its steps. */
function lyingAddresses(): readonly (readonly [string, PatchDraft])[] {
  const addresses = (...numbers: readonly number[]) => scriptedPatch([...SCRIPT.slice(0, -2), ...numbers]);
  const whole = Array(6).fill(number(2_000)).flat();
  const region = (...numbers: readonly number[]) =>
    addresses(1, ...whole, 1, 0, ...number(2_000), ...numbers);
  return [
    ['nothing of addresses', addresses()],
    ['a hundred segments', addresses(100, ...Array(700).fill(1), 0)],
    ['half a segment', addresses(1, 0, 0, 1, 0)],
    ['a hundred regions', addresses(0, 100, ...Array(400).fill(0))],
    ['a cycle of a hundred bytes', region(100, 0)],
    ['a context past its cycle', region(8, 1, 8, 2)],
    ['a context of more than two bytes', region(0, 1, ...number(2 ** 16), 2)],
    ['a rule twice', region(8, 2, 0, 2, 0, 2)],
    ['rules in another order', region(8, 2, 4, 2, 0, 2)],
    ['more rules than contexts', region(8, 9, ...Array.from({ length: 9 }, (_, i) => [i, 2]).flat())],
    ['a kind that nobody knows', region(8, 1, 0, 4)],
    ['no kind', region(8, 1, 0, 0)],
    ['a region of which rules are missing', region(8, 2, 0, 2)],
    [
      'addresses where there are none',
      addresses(1, 0, 0, ...number(2 ** 32), 9, 0, ...number(2 ** 32), 1, 0, ...number(2_000), 4, 1, 0, 2),
    ],
  ];
}

/** More steps than there may be, within `cut`. */
const ONE_LITERAL_EACH = Array.from({ length: 3 * 2 ** 19 }, (_, i) => (i % 3 === 2 ? 1 : 0));

/** Seven bits in a byte, the lowest first. */
function number(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...number(Math.floor(value / 128))];
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
