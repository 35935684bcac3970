// Writes the patch from one tree to another: the same two trees give the same bytes.
import { promisify } from 'node:util';
import { constants as zlib, zstdCompress } from 'node:zlib';
import { readDictionary } from '../../../shared/node/base-files.ts';
import { EXPANSION_BYTES, maxPackBytes, writeFrame } from '../../../shared/tree/pack-format.ts';
import {
  dictionaryBytes,
  MAX_PATCH_INDEX_BYTES,
  MAX_PLAN_BYTES,
  PATCH_MAGIC,
  parsePatchPlan,
  windowLogOf,
} from '../../../shared/tree/patch-format.ts';
import { createMovers, MAX_SCRIPTS_BYTES, parseScripts } from '../../../shared/tree/patch-script.ts';
import { resolveBases } from '../../../shared/tree/patch-steps.ts';
import { treeIndexBytes, treeRefOf } from '../../../shared/tree/tree-index.ts';
import { requireAtMost, writeWhole } from './pack-writer.ts';
import type { PatchSide } from './patch-bases.ts';
import { planBytes, withinBounds } from './patch-budget.ts';
import { planPatch } from './patch-plan.ts';
import { scriptedBytes } from './patch-scripts.ts';
import { writeScripts } from './script-writer.ts';
import { createUnitReader } from './unit-reader.ts';

export interface PatchOptions {
  readonly from: PatchSide;
  readonly to: PatchSide;
  readonly outFile: string;
  /** What the service of the old release writes to: nothing of it is there to start from. */
  readonly writable?: readonly string[];
  /** Takes many times as long, for a few percent. */
  readonly small?: boolean;
  /** Hears the uncompressed bytes done so far, and of how many. */
  readonly onProgress?: (done: number, total: number) => void;
}

const LEVEL = 12;
const LEVEL_SMALL = 19;

/** Level 12 forgets the beginning of more than this; with a larger table it does not, and level 19 gains by it too. */
const LARGE_BYTES = 4 * 2 ** 20;
const HASH_LOG = 25;

const compress = promisify(zstdCompress);

/**
 * Whole and durable, or not there.
 * Errors: tree/too-large for trees that travel whole only, tree/changed-while-packing, tree/base-changed, disk/*.
 */
export async function writePatch(options: PatchOptions): Promise<{ readonly bytes: number }> {
  return await writeWhole(options.outFile, patchChunks(options), (bytes) =>
    requireAtMost(maxPackBytes(treeRefOf(options.to.index)), 'its patch in bytes', bytes),
  );
}

async function* patchChunks({
  from,
  to,
  writable,
  small,
  onProgress,
}: PatchOptions): AsyncGenerator<Uint8Array> {
  const level = small === true ? LEVEL_SMALL : LEVEL;
  const [oldIndex, newIndex] = [treeIndexBytes(from.index), treeIndexBytes(to.index)];
  for (const bytes of [oldIndex, newIndex]) {
    requireAtMost(MAX_PATCH_INDEX_BYTES, 'an index of a patch in bytes', bytes.length);
  }
  const planned = planPatch(from, to, writable);
  const units = withinBounds(planned.units, planned.scripts);
  const plan = planBytes(units);
  requireAtMost(MAX_PLAN_BYTES, 'the plan of a patch in bytes', plan.length);
  const scriptBytes = writeScripts(planned.scripts, to.index);
  requireAtMost(MAX_SCRIPTS_BYTES, 'the scripts of a patch in bytes', scriptBytes.length);
  const scripts = parseScripts(scriptBytes, from.index, to.index, to.digest);
  const raws = [newIndex.length, plan.length, scriptBytes.length, ...units.map(({ raw }) => raw)];
  const packedIndex = await compressPart(newIndex, Buffer.concat([PATCH_MAGIC, oldIndex]), LEVEL_SMALL);
  const packedScripts = await compressPart(scriptBytes, PATCH_MAGIC, LEVEL_SMALL);
  const packedPlan = await compressPart(plan, PATCH_MAGIC, LEVEL_SMALL);
  const header = {
    from: from.digest,
    to: to.digest,
    index: { packed: packedIndex.length, raw: newIndex.length },
    scripts: { packed: packedScripts.length, raw: scriptBytes.length },
    plan: { packed: packedPlan.length, raw: plan.length },
    window: Math.max(...raws.map(windowLogOf)),
    dictionary: Math.max(0, ...units.map((unit) => dictionaryBytes(unit, scripts))),
  };
  // Whoever reads it looks at the plan first: a patch that all of them refuse is not even begun.
  parsePatchPlan(plan, header, scripts);
  yield PATCH_MAGIC;
  yield writeFrame(header);
  yield packedIndex;
  yield packedScripts;
  yield packedPlan;
  const moverOf = createMovers();
  const readUnit = createUnitReader(to);
  const total = units.reduce((sum, { raw }) => sum + raw, 0);
  let done = 0;
  for (const unit of units) {
    const old = readDictionary(from, resolveBases(from.index, unit, scripts, to.digest));
    const next = await readUnit(unit);
    const script = scripts.get(unit.files[0] as number);
    const body =
      script === undefined
        ? await compressPart(next, old, level)
        : await compressPart(
            scriptedBytes(script, moverOf(script), unit, old.subarray(PATCH_MAGIC.length), next),
            PATCH_MAGIC,
            level,
          );
    yield lengthOf(body.length);
    yield body;
    done += unit.raw;
    onProgress?.(done, total);
  }
}

function lengthOf(value: number): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value);
  return length;
}

async function compressPart(raw: Uint8Array, dictionary: Uint8Array, level: number): Promise<Uint8Array> {
  return await compress(raw, {
    chunkSize: raw.length + EXPANSION_BYTES,
    dictionary,
    pledgedSrcSize: raw.length,
    params: {
      [zlib.ZSTD_c_compressionLevel]: level,
      [zlib.ZSTD_c_windowLog]: windowLogOf(raw.length),
      ...(raw.length + dictionary.length > LARGE_BYTES ? { [zlib.ZSTD_c_hashLog]: HASH_LOG } : {}),
    },
  });
}
