// Which bytes of the new tree stand in which unit of a patch, and which old ones are the dictionary of each.
import type { Digest } from '../../../shared/encoding/digest.ts';
import { readStretch } from '../../../shared/node/base-files.ts';
import { isWritable } from '../../../shared/schema/service.ts';
import { MAX_UNIT_BYTES } from '../../../shared/tree/pack-format.ts';
import { distinctFiles } from '../../../shared/tree/pack-plan.ts';
import {
  MAX_DICTIONARY_BYTES,
  PATCH_MAGIC,
  type PatchUnit,
  type Stretch,
} from '../../../shared/tree/patch-format.ts';
import type { FileScript, FileScripts } from '../../../shared/tree/patch-script.ts';
import type { BasePart } from '../../../shared/tree/patch-steps.ts';
import type { TreeFile } from '../../../shared/tree/tree-index.ts';
import { createBaseFinder, type PatchSide } from './patch-bases.ts';
import { createScriptFinder } from './patch-scripts.ts';

export interface PatchPlan {
  readonly units: readonly PatchUnit[];
  readonly scripts: FileScripts;
}

/**
 * Every content once that the old tree does not have, outside of what its service writes to (`writable`).
 * Error: tree/base-changed, for either.
 */
export function planPatch(from: PatchSide, to: PatchSide, writable: readonly string[] = []): PatchPlan {
  const old = new Set<Digest>();
  const byPath = new Map<string, number>();
  const isBase = ({ path }: TreeFile) => !isWritable(path, writable);
  from.index.entries.forEach((entry, position) => {
    if (entry.kind !== 'file' || !isBase(entry)) return;
    old.add(entry.digest);
    byPath.set(entry.path, position);
  });
  const scripts = new Map<number, FileScript>();
  const wanted = distinctFiles(to.index).filter(({ file }) => !old.has(file.digest));
  if (wanted.length === 0) return { units: [], scripts };
  const bases = createBaseFinder(from, isBase);
  const finder = createScriptFinder(from, to);
  const units = createUnits();
  for (const { position, file } of wanted) {
    const same = byPath.get(file.path);
    const likest = () => same ?? bases.find(readStretch(to, firstPart(file)), undefined)[0]?.[0];
    const script = finder.find(file, likest);
    if (script !== null) scripts.set(position, script);
    for (const part of partsOf(file)) {
      if (script !== null) units.addAlone({ position, ...part });
      else units.add({ position, ...part }, bases.find(readStretch(to, part), same));
    }
  }
  return { units: units.all(), scripts };
}

function firstPart(file: TreeFile): BasePart {
  return { file, offset: 0, length: Math.min(MAX_UNIT_BYTES, file.size) };
}

function* partsOf(file: TreeFile): Generator<BasePart> {
  for (let offset = 0; offset === 0 || offset < file.size; offset += MAX_UNIT_BYTES) {
    yield { file, offset, length: Math.min(MAX_UNIT_BYTES, file.size - offset) };
  }
}

interface NewPart extends BasePart {
  readonly position: number;
}

/** Parts go together as long as the unit and its dictionary have room; those of a file that is cut stand alone. */
function createUnits() {
  const done: PatchUnit[] = [];
  let unit = { files: [] as number[], raw: 0, dictionary: createDictionary() };
  const end = (offset: number) => {
    const { files, raw, dictionary } = unit;
    if (files.length > 0) done.push({ bases: dictionary.stretches(), files, offset, raw });
    unit = { files: [], raw: 0, dictionary: createDictionary() };
  };
  return {
    addAlone({ position, offset, length }: NewPart) {
      end(0);
      done.push({ bases: [], files: [position], offset, raw: length });
    },
    add({ position, file, offset, length }: NewPart, bases: readonly Stretch[]) {
      const isCut = file.size > MAX_UNIT_BYTES;
      if (isCut || unit.raw + length > MAX_UNIT_BYTES || !unit.dictionary.hasRoomFor(bases)) end(0);
      unit.files.push(position);
      unit.raw += length;
      for (const base of bases) unit.dictionary.add(base);
      if (isCut) end(offset);
    },
    all() {
      end(0);
      return done;
    },
  };
}

const ROOM_BYTES = MAX_DICTIONARY_BYTES - PATCH_MAGIC.length;

/** No old byte stands in it twice. */
function createDictionary() {
  const byFile = new Map<number, Stretch[]>();
  let bytes = 0;
  const has = ([position, offset, length]: Stretch) =>
    (byFile.get(position) ?? []).some(([, o, l]) => o <= offset && offset + length <= o + l);
  return {
    hasRoomFor: (bases: readonly Stretch[]) =>
      bytes + bases.reduce((sum, base) => sum + (has(base) ? 0 : base[2]), 0) <= ROOM_BYTES,
    add([position, offset, length]: Stretch) {
      const known = byFile.get(position) ?? [];
      const touching = known.filter(([, o, l]) => offset <= o + l && o <= offset + length);
      const room = ROOM_BYTES - bytes;
      const [start, end] = joined([offset, offset + length], touching, room);
      const grown = end - start - touching.reduce((sum, [, , l]) => sum + l, 0);
      if (grown === 0 || grown > room) return;
      bytes += grown;
      byFile.set(position, [
        ...known.filter((one) => !touching.includes(one)),
        [position, start, end - start],
      ]);
    },
    // The best of a file was added first: of a large dictionary zstd forgets the beginning.
    stretches: () => [...byFile.values()].flat().reverse(),
  };
}

/** Where there is not room for all, what stands there already stays whole: it is the better part. */
function joined(
  [from, to]: readonly [number, number],
  touching: readonly Stretch[],
  room: number,
): readonly [number, number] {
  if (touching.length === 0) return [from, Math.min(to, from + room)];
  const first = Math.min(...touching.map(([, offset]) => offset));
  const last = Math.max(...touching.map(([, offset, length]) => offset + length));
  const start = Math.max(Math.min(from, first), first - room);
  return [start, Math.min(Math.max(to, last), last + room - (first - start))];
}
