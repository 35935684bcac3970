// The days that a mirror saw signed for the files of releases: a list that names them no longer takes none of them away earlier.
import { z } from 'zod';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { hexOf } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstant, instantMs } from '../../shared/encoding/instant.ts';
import type { JsonLimits } from '../../shared/encoding/json.ts';
import { instant } from '../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { parseReleasePath } from '../../shared/schema/release-ref.ts';
import type { TargetFile } from '../../shared/trust/metadata.ts';
import { endOfSupport, keptUntil } from '../../shared/trust/target-notes.ts';
import { packName, sbomName } from './names.ts';
import { MAX_READ_BYTES, type RepositoryStore } from './store.ts';

const NAME = 'kept.json';
const LIMITS: JsonLimits = { maxBytes: MAX_READ_BYTES, maxDepth: 4, maxNodes: 2_000_000 };

/** Beside what is served, as the mirror's health is. */
const document = z.strictObject({
  schema: z.literal('fairlead/mirror-kept@1'),
  files: z.record(z.string(), instant),
});

/** A listed document by its name in the store. */
export interface ListedDocument {
  readonly path: string;
  readonly target: TargetFile;
  /** Of a capability, where this version reads it. */
  readonly tree: TreeRef | null;
}

/**
 * Of what is listed now, and of what was when it still had days to go, by name: until when it stays. Written where it changed. Errors:
 * document/invalid where something else wrote it, and those of the store.
 */
export async function rememberKept(
  store: RepositoryStore,
  listed: ReadonlyMap<string, ListedDocument>,
  now: EpochMs,
): Promise<ReadonlyMap<string, EpochMs>> {
  const stored = await store.read(NAME);
  const kept = new Map<string, EpochMs>();
  const before = stored === null ? {} : parseDocumentBytes(document, stored.bytes, NAME, LIMITS).files;
  for (const [name, until] of Object.entries(before)) {
    if (instantMs(until) > now) kept.set(name, instantMs(until));
  }
  const supportEnds = endOfSupport([...listed.values()].flatMap(({ target }) => target.notes ?? []));
  for (const [name, { path, target, tree }] of listed) {
    const until = parseReleasePath(path) === null ? null : keptUntil(target.notes, supportEnds);
    if (until === null || !Number.isFinite(until)) continue;
    const sbom = target.notes?.sbom;
    const hex = tree === null ? null : hexOf(tree.digest);
    const beside =
      hex === null ? [] : [packName(hex), ...(sbom === undefined ? [] : [sbomName(hex, hexOf(sbom.digest))])];
    // The longest: two releases may have one tree.
    for (const one of [name, ...beside]) kept.set(one, Math.max(until, kept.get(one) ?? until));
  }
  const files = Object.fromEntries([...kept].map(([name, until]) => [name, formatInstant(until)]));
  const bytes = utf8(`${JSON.stringify({ schema: 'fairlead/mirror-kept@1', files })}\n`);
  if (stored === null || !stored.bytes.equals(bytes)) await store.replace(NAME, bytes, stored?.tag ?? null);
  return kept;
}
