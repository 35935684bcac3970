// Keeps a plan within what its readers accept: what a file starts from is given up before the patch is.
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import {
  dictionaryBytes,
  MAX_PLAN_BYTES,
  MAX_PLAN_NODES,
  maxDictionaryBytes,
  PATCH_MAGIC,
  type PatchUnit,
  type Stretch,
} from '../../../shared/tree/patch-format.ts';
import type { FileScripts } from '../../../shared/tree/patch-script.ts';

/** The same units with as many of their bases as may stay. */
export function withinBounds(units: readonly PatchUnit[], scripts: FileScripts): readonly PatchUnit[] {
  return withShortPlan(withDictionariesInProportion(units, scripts));
}

/** Where the largest dictionary serves the fewest bytes, it goes first. What scripts copy stays: it is less than they make. */
function withDictionariesInProportion(
  units: readonly PatchUnit[],
  scripts: FileScripts,
): readonly PatchUnit[] {
  const sizeOf = (unit: PatchUnit) => dictionaryBytes(unit, scripts);
  const worth = (unit: PatchUnit) => unit.raw / sizeOf(unit);
  const allowed = maxDictionaryBytes(units.reduce((sum, { raw }) => sum + raw, 0));
  let bytes = units.reduce((sum, unit) => sum + sizeOf(unit), 0);
  const without = new Set<PatchUnit>();
  const withBases = units.filter(({ bases }) => bases.length > 0);
  for (const unit of withBases.toSorted((a, b) => worth(a) - worth(b))) {
    if (bytes <= allowed) break;
    without.add(unit);
    bytes -= sizeOf(unit) - PATCH_MAGIC.length;
  }
  return units.map((unit) => (without.has(unit) ? { ...unit, bases: [] } : unit));
}

/** The number of a stretch's own nodes: itself and its three numbers. */
const STRETCH_NODES = 4;

/** The longest stretches stay: what one saves is at most its length. */
function withShortPlan(units: readonly PatchUnit[]): readonly PatchUnit[] {
  const bare = planBytes(units.map((unit) => ({ ...unit, bases: [] })));
  let bytes = bare.length;
  // The plan, its list, and of each unit itself, two lists, two numbers and its files.
  let nodes = units.reduce((sum, { files }) => sum + 5 + files.length, 2);
  const kept = new Set<Stretch>();
  const stretches = units.flatMap(({ bases }) => bases);
  for (const stretch of stretches.toSorted(([, , a], [, , b]) => b - a)) {
    bytes += JSON.stringify(stretch).length + 1;
    nodes += STRETCH_NODES;
    if (bytes > MAX_PLAN_BYTES || nodes > MAX_PLAN_NODES) break;
    kept.add(stretch);
  }
  if (kept.size === stretches.length) return units;
  return units.map((unit) => ({ ...unit, bases: unit.bases.filter((stretch) => kept.has(stretch)) }));
}

/** As it stands in the patch, before it is compressed. */
export function planBytes(units: readonly PatchUnit[]): Uint8Array {
  return canonicalize({ units: units.map((unit) => ({ ...unit })) });
}
