// The listing: what the agent reads from the repository, as of the last refresh, old or new and never between.
import { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import type { Pieces } from '../../../shared/encoding/pieces.ts';
import { orNull } from '../../../shared/errors/error.ts';
import { instant, sbomRef } from '../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import type { Targets } from '../../../shared/trust/metadata.ts';
import type { DocumentRef } from './documents.ts';
import type { TopLevel } from './top-level.ts';

const entries = z.array(
  z.strictObject({
    path: z.string(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    length: z.int().min(0),
    /** An earlier agent takes the listing for damaged, and makes it anew at its next refresh. */
    notes: z
      .strictObject({
        sbom: sbomRef.exactOptional(),
        supportUntil: instant.exactOptional(),
        availableUntil: instant.exactOptional(),
      })
      .exactOptional(),
  }),
);

const listing = z.strictObject({
  schema: z.literal('fairlead/listing@1'),
  /** Versions of root, timestamp and snapshot at the last complete refresh. */
  from: z.strictObject({ root: z.int(), timestamp: z.int(), snapshot: z.int() }).nullable(),
  /** Milliseconds: when the first of the metadata behind it expires. Null before the first complete refresh. */
  expires: z.int().nullable(),
  /** Milliseconds: the newest signing time seen. */
  signedAt: z.int().nullable(),
  entries,
});
export type Listing = z.output<typeof listing>;
type ListingSource = Pick<Listing, 'from' | 'expires' | 'signedAt'>;

export const EMPTY_LISTING: Listing = {
  schema: 'fairlead/listing@1',
  from: null,
  expires: null,
  signedAt: null,
  entries: [],
};

const OPENING = '"entries":[';
/** Between two entries as they are written. No text holds it: the quotes in one are escaped. */
const BETWEEN = '},{"path":';
const SLICE_BYTES = 32 * 1024;

/** In slices, for a long history is a long list. Null for damaged bytes: the next refresh makes it anew. */
export function* parseListing(bytes: Uint8Array): Pieces<Listing | null> {
  const written = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [start, end] = [written.indexOf(OPENING) + OPENING.length, written.lastIndexOf(']')];
  if (start < OPENING.length || end < start) return null;
  const rest = Buffer.concat([written.subarray(0, start), written.subarray(end)]);
  const read = orNull(() => parseDocumentBytes(listing, rest, 'the listing'));
  if (read === null || read.entries.length > 0) return null;
  const found: Listing['entries'][] = [];
  for (let at = start; at < end; ) {
    const cut = written.indexOf(BETWEEN, at + SLICE_BYTES);
    const until = cut < 0 ? end : cut + 1;
    const slice = Buffer.concat([utf8('['), written.subarray(at, until), utf8(']')]);
    const part = orNull(() => parseDocumentBytes(entries, slice, 'the listing'));
    if (part === null) return null;
    found.push(part);
    yield until - at;
    at = until + 1;
  }
  return { ...read, entries: found.flat() };
}

export function formatListing(value: Listing): Uint8Array {
  return utf8(`${JSON.stringify(value)}\n`);
}

/** True when it says all that the trusted metadata says. */
export function isComplete({ from }: Listing, { root, timestamp, snapshot }: TopLevel): boolean {
  return (
    from !== null &&
    from.root === root.version &&
    from.timestamp === timestamp?.version &&
    from.snapshot === snapshot?.version
  );
}

/** What a complete listing is made from: all trusted roles, the first expiry among them, the signing time. */
export function sourceOf(
  { root, timestamp, snapshot }: TopLevel,
  targets: readonly (Targets | undefined)[],
): ListingSource | null {
  if (timestamp === null || snapshot === null) return null;
  const expiries = [root, timestamp, snapshot, ...targets].flatMap((each) => each?.expires ?? []);
  return {
    from: { root: root.version, timestamp: timestamp.version, snapshot: snapshot.version },
    expires: Math.min(...expiries),
    signedAt: timestamp.signedAt,
  };
}

/**
 * The listing after a refresh. What could not be had is `kept` in its old form, and then nothing becomes fresher: whoever
 * withholds a halt or a role must not gain more time than the last complete refresh gave.
 */
export function nextListing(
  old: Listing,
  obtained: readonly DocumentRef[],
  kept: ReadonlySet<string>,
  complete: ListingSource | null,
): Listing {
  const entries = kept.size === 0 ? [...obtained] : [...obtained, ...keptOf(old, obtained, kept)];
  if (complete === null) return { ...old, entries };
  return { schema: old.schema, ...complete, entries };
}

function keptOf(
  old: Listing,
  obtained: readonly DocumentRef[],
  kept: ReadonlySet<string>,
): Listing['entries'] {
  const known = new Set(obtained.map(({ path }) => path));
  return old.entries.filter(({ path }) => kept.has(path) && !known.has(path));
}
