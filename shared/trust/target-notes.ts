// What is signed beside a release, in its entry of the metadata: its bill of materials, and how long it is mended.
import { isDigest } from '../encoding/digest.ts';
import { instantMs } from '../encoding/instant.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts';
import { MAX_SBOM_BYTES, type SbomRef } from '../schema/sbom.ts';

/**
 * What is signed beside a release, in the `custom` of its entry (TUF §4.5): a key in the release itself would be one that agents
 * of an earlier version refuse it for.
 */
export interface TargetNotes {
  readonly sbom?: SbomRef;
  /** Of a platform: when its vendor stops mending it. */
  readonly supportUntil?: string;
}

/** Another repository may use the words for something else: what has not our form is not there. */
export function parseTargetNotes(custom: JsonValue | undefined): TargetNotes | null {
  if (!isJsonObject(custom)) return null;
  const sbom = parseSbomRef(custom.sbom);
  const until = custom.supportUntil;
  const supportUntil = typeof until === 'string' && !Number.isNaN(instantMs(until)) ? until : null;
  if (sbom === null && supportUntil === null) return null;
  return { ...(sbom === null ? {} : { sbom }), ...(supportUntil === null ? {} : { supportUntil }) };
}

/** The other way round: keys of `custom`. */
export function formatTargetNotes({ sbom, supportUntil }: TargetNotes): JsonObject {
  return {
    ...(sbom === undefined ? {} : { sbom: { digest: sbom.digest, bytes: sbom.bytes } }),
    ...(supportUntil === undefined ? {} : { supportUntil }),
  };
}

function parseSbomRef(value: JsonValue | undefined): SbomRef | null {
  if (!isJsonObject(value)) return null;
  const { digest, bytes } = value;
  if (typeof digest !== 'string' || !isDigest(digest) || typeof bytes !== 'number') return null;
  return bytes > 0 && bytes <= MAX_SBOM_BYTES ? { digest, bytes } : null;
}
