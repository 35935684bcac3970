// Which bytes of a tree stand in which unit of its pack: planned by the writer, worked out again by the reader.
import { byCodePoint } from '../encoding/canonical.ts';
import type { Digest } from '../encoding/digest.ts';
import { damagedPack, MAX_UNIT_BYTES, type PackUnit } from './pack-format.ts';
import type { TreeFile, TreeIndex } from './tree-index.ts';

/** A unit before it is compressed. */
export type PlannedUnit = Omit<PackUnit, 'packed'>;

/** A run of one file's bytes inside a unit. */
export interface UnitPart {
  readonly file: TreeFile;
  /** Where the run starts in the file. */
  readonly offset: number;
  readonly length: number;
}

/**
 * Every content once, like beside like: a unit compresses as one text, so files of one kind and one name stand
 * together. A file larger than a unit is cut into units of its own, which follow one another.
 */
export function planUnits(index: TreeIndex): readonly PlannedUnit[] {
  const units: PlannedUnit[] = [];
  let group: { files: number[]; raw: number } = { files: [], raw: 0 };
  const endGroup = () => {
    if (group.files.length > 0) units.push({ ...group, offset: 0 });
    group = { files: [], raw: 0 };
  };
  for (const { position, file } of distinctFiles(index)) {
    if (group.raw + file.size > MAX_UNIT_BYTES) endGroup();
    if (file.size > MAX_UNIT_BYTES) {
      units.push(...segments(position, file.size));
    } else {
      group.files.push(position);
      group.raw += file.size;
    }
  }
  endGroup();
  return units;
}

/** The runs a unit holds, in order. Error: tree/pack-damaged when it does not fit the index. */
export function resolveParts(index: TreeIndex, unit: PlannedUnit, tree: Digest): readonly UnitPart[] {
  const parts: UnitPart[] = [];
  let offset = unit.offset;
  let left = unit.raw;
  for (const position of unit.files) {
    const file = index.entries[position];
    if (file?.kind !== 'file') throw damagedPack(tree, `a unit names entry ${position}, which is no file`);
    const length = Math.min(file.size - offset, left);
    if (length < 0 || (length === 0 && file.size > 0)) {
      throw damagedPack(tree, 'a unit names a file of which it holds nothing');
    }
    parts.push({ file, offset, length });
    left -= length;
    offset = 0;
  }
  if (left > 0) throw damagedPack(tree, 'a unit holds more bytes than its files have');
  return parts;
}

export interface PositionedFile {
  readonly position: number;
  readonly file: TreeFile;
}

/** A file of each content, like beside like. */
export function distinctFiles(index: TreeIndex): readonly PositionedFile[] {
  const seen = new Set<Digest>();
  const files: (PositionedFile & { readonly order: readonly string[] })[] = [];
  index.entries.forEach((file, position) => {
    if (file.kind !== 'file' || seen.has(file.digest)) return;
    seen.add(file.digest);
    files.push({ position, file, order: compressionOrder(file.path) });
  });
  return files.sort((a, b) => compareOrder(a.order, b.order));
}

/** Extension, name, path. */
function compressionOrder(path: string): readonly string[] {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return [name.slice(name.lastIndexOf('.') + 1), name, path];
}

function compareOrder(a: readonly string[], b: readonly string[]): number {
  for (const [level, text] of a.entries()) {
    const order = byCodePoint(text, b[level] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}

function segments(position: number, size: number): readonly PlannedUnit[] {
  const count = Math.ceil(size / MAX_UNIT_BYTES);
  return Array.from({ length: count }, (_, i) => {
    const offset = i * MAX_UNIT_BYTES;
    return { files: [position], offset, raw: Math.min(MAX_UNIT_BYTES, size - offset) };
  });
}
