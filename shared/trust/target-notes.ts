// What is signed beside a release, in its entry of the metadata: its bill of materials, how long it is mended, and how long it is to be had.
import { isDigest } from '../encoding/digest.ts';
import { type EpochMs, formatInstant, instantMs } from '../encoding/instant.ts';
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
  /** Until when its vendor promised that it can be fetched. */
  readonly availableUntil?: string;
}

/** Another repository may use the words for something else: what has not our form is not there. */
export function parseTargetNotes(custom: JsonValue | undefined): TargetNotes | null {
  if (!isJsonObject(custom)) return null;
  const sbom = parseSbomRef(custom.sbom);
  const supportUntil = parseUntil(custom.supportUntil);
  const availableUntil = parseUntil(custom.availableUntil);
  if (sbom === null && supportUntil === null && availableUntil === null) return null;
  return {
    ...(sbom === null ? {} : { sbom }),
    ...(supportUntil === null ? {} : { supportUntil }),
    ...(availableUntil === null ? {} : { availableUntil }),
  };
}

function parseUntil(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && !Number.isNaN(instantMs(value)) ? value : null;
}

/** The other way round: keys of `custom`. */
export function formatTargetNotes({ sbom, supportUntil, availableUntil }: TargetNotes): JsonObject {
  return {
    ...(sbom === undefined ? {} : { sbom: { digest: sbom.digest, bytes: sbom.bytes } }),
    ...(supportUntil === undefined ? {} : { supportUntil }),
    ...(availableUntil === undefined ? {} : { availableUntil }),
  };
}

/** When the last support that the vendor promised ends; minus infinity where none was. `all` are the notes of every release. */
export function endOfSupport(all: Iterable<TargetNotes>): EpochMs {
  let last = Number.NEGATIVE_INFINITY;
  for (const { supportUntil } of all) {
    if (supportUntil !== undefined) last = Math.max(last, instantMs(supportUntil));
  }
  return last;
}

/**
 * Until when a release must stay to be had: the day that was signed for it or the end of all support, whichever is later; infinity
 * where no day was signed, for then nobody said that it may go.
 */
export function keptUntil(notes: TargetNotes | undefined, supportEnds: EpochMs): EpochMs {
  const own = notes?.availableUntil;
  return own === undefined ? Number.POSITIVE_INFINITY : Math.max(instantMs(own), supportEnds);
}

function parseSbomRef(value: JsonValue | undefined): SbomRef | null {
  if (!isJsonObject(value)) return null;
  const { digest, bytes } = value;
  if (typeof digest !== 'string' || !isDigest(digest) || typeof bytes !== 'number') return null;
  return bytes > 0 && bytes <= MAX_SBOM_BYTES ? { digest, bytes } : null;
}

/** The day as a document says it; null for good. */
export function keptDay(until: EpochMs): string | null {
  return Number.isFinite(until) ? formatInstant(until) : null;
}
