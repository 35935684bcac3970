// Releases that lead to each other by patches: their packs, and the patches between them, written section by section.
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { hexOf } from '../../../shared/encoding/digest.ts';
import { encodePatchList, type ListedPatch } from '../../../shared/protocol/patches.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import {
  draftPack,
  entryOf,
  headerOf,
  join,
  SAMPLE_ENTRIES,
  sectionsOf,
  unitOf,
} from '../../agent/adapters/tree-store/pack-builder.ts';
import {
  compressed,
  patchSections,
  unitOf as patchUnitOf,
} from '../../agent/adapters/tree-store/patch-builder.ts';
import { API, AUTH } from '../../support/deploy-releases.ts';
import { patternedBytes } from '../../support/directories.ts';
import { deployable, UNDOABLE } from './releases.ts';

interface PackedTree {
  readonly ref: TreeRef;
  readonly indexBytes: Uint8Array;
  /** The files that change from version to version. */
  readonly own: readonly Uint8Array[];
  readonly pack: Buffer;
}

/** In the order of their releases, by component. */
const lines = new Map<string, PackedTree[]>();
const files = new Map<string, Buffer>();
/** What a server has below its repository, by path: packs, patches to each from all before it, and their lists. */
export const PATCHED_FILES: ReadonlyMap<string, Buffer> = files;

const NO_SCRIPTS = Buffer.of(0);
const FIRST_OWN = SAMPLE_ENTRIES.length;

export const PATCHED_ONE = patched({ [AUTH]: '1.0.0', [API]: '1.0.0' });
export const PATCHED_FIX = patched({ [AUTH]: '1.0.1' });
export const PATCHED_TWO = patched({ [AUTH]: '1.1.0', [API]: '1.1.0' });
export const PATCHED_THREE = patched({ [AUTH]: '1.2.0', [API]: '1.2.0' });

function patched(versions: Readonly<Record<string, string>>) {
  return deployable(versions, UNDOABLE, {}, (component, version) => {
    const tree = packedTree(component, version);
    const before = lines.get(component) ?? [];
    publish(tree, before);
    lines.set(component, [...before, tree]);
    return tree.ref;
  });
}

/** The sample with two files more, in which a little changes from version to version. */
function packedTree(component: string, version: string): PackedTree {
  const own = ['version', 'words'].map((path) => {
    const same = patternedBytes(1_500, component + path).toString('base64');
    return { path, text: `${same.slice(0, 700)}${version}${same.slice(700)}` };
  });
  const draft = draftPack([...SAMPLE_ENTRIES, ...own.map(({ path, text }) => entryOf(path, text))]);
  const units = [...draft.units, ...own.map(({ text }, i) => unitOf([FIRST_OWN + i], 0, text))];
  const header = headerOf(draft.ref.digest, draft.indexBytes, units.length);
  const pack = join(sectionsOf({ ...draft, header, units }));
  return { ref: draft.ref, indexBytes: draft.indexBytes, own: own.map(({ text }) => utf8(text)), pack };
}

function publish(tree: PackedTree, before: readonly PackedTree[]): void {
  const directory = `packs/${hexOf(tree.ref.digest)}`;
  const patches = before.map((from): ListedPatch => {
    const bytes = patchBetween(from, tree);
    files.set(`${directory}/${hexOf(from.ref.digest)}.patch`, bytes);
    return { from: from.ref.digest, bytes: bytes.length };
  });
  files.set(`${directory}/full.pack`, tree.pack);
  files.set(`${directory}/patches.json`, Buffer.from(encodePatchList({ full: tree.pack.length, patches })));
}

/** What changes comes in two units, the rest from the old tree. */
function patchBetween(from: PackedTree, to: PackedTree): Buffer {
  const parts = to.own.map((own, i) => ({ own, old: from.own[i] ?? own, at: FIRST_OWN + i }));
  const plan = canonicalize({
    units: parts.map(({ own, old, at }) => ({
      ...{ bases: [[at, 0, old.length]], files: [at], offset: 0, raw: own.length },
    })),
  });
  const packed = {
    index: compressed(to.indexBytes, from.indexBytes),
    scripts: compressed(NO_SCRIPTS),
    plan: compressed(plan),
  };
  const header = {
    ...{ from: from.ref.digest, to: to.ref.digest, window: 23, dictionary: 4_000 },
    index: { packed: packed.index.length, raw: to.indexBytes.length },
    scripts: { packed: packed.scripts.length, raw: NO_SCRIPTS.length },
    plan: { packed: packed.plan.length, raw: plan.length },
  };
  const units = parts.map(({ own, old }) => patchUnitOf(own, old));
  return join(patchSections({ ref: to.ref, header, ...packed, units }));
}
