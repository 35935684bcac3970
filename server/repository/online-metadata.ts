// What the server signs itself: which versions belong together (snapshot), and that they are still the newest (timestamp).
import { digestOf, hexOf } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstant } from '../../shared/encoding/instant.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import { isFairleadError } from '../../shared/errors/error.ts';
import type { SigningKey } from '../../shared/trust/key.ts';
import {
  parseEnvelope,
  type Snapshot,
  signMetadata,
  type Targets,
  type Timestamp,
} from '../../shared/trust/metadata.ts';
import { parseSnapshot, parseTimestamp } from '../../shared/trust/parse-metadata.ts';
import { verifyThreshold } from '../../shared/trust/rules.ts';
import type { OnlineKeys } from './online-keys.ts';
import type { MetadataFile, RepositoryState, Roles } from './state.ts';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const SNAPSHOT_LIFETIME_MS = 7 * DAY_MS;
const TIMESTAMP_LIFETIME_MS = DAY_MS;

/** Signed again after a quarter of its life: three quarters remain to notice a server that cannot. */
const TIMESTAMP_AGE_MS = 6 * HOUR_MS;
const SNAPSHOT_AGE_MS = 2 * DAY_MS;

const SPEC_VERSION = '1.0.31';

/** Lists every role; one that was delegated to before stays listed, since clients take its absence for an attack. */
export function signSnapshot(
  keys: OnlineKeys,
  roles: Roles,
  version: number,
  now: EpochMs,
): MetadataFile<Snapshot> {
  const meta: Record<string, JsonObject> = {};
  for (const [role, file] of roles) meta[`${role}.json`] = describe(file);
  const bytes = signMetadata(
    {
      _type: 'snapshot',
      spec_version: SPEC_VERSION,
      version,
      expires: formatInstant(now + SNAPSHOT_LIFETIME_MS),
      meta,
    },
    [keys.snapshot],
  );
  return { bytes, content: parseSnapshot(parseEnvelope(bytes, 'snapshot').signed, 'snapshot') };
}

/** `signed_at` is signed too: agents take it for a floor under their clock. Other clients pass over the field. */
export function signTimestamp(
  keys: OnlineKeys,
  snapshot: MetadataFile<Snapshot>,
  version: number,
  now: EpochMs,
): MetadataFile<Timestamp> {
  const bytes = signMetadata(
    {
      _type: 'timestamp',
      spec_version: SPEC_VERSION,
      version,
      expires: formatInstant(now + TIMESTAMP_LIFETIME_MS),
      meta: { 'snapshot.json': describe(snapshot) },
      signed_at: formatInstant(now),
    },
    [keys.timestamp],
  );
  return { bytes, content: parseTimestamp(parseEnvelope(bytes, 'timestamp').signed, 'timestamp') };
}

/** By a key of the server itself, whatever any root says of it. */
export function isSignedBy({ keyid, key }: SigningKey, timestamp: Uint8Array): boolean {
  const { keytype, scheme, keyval } = key;
  const keys = new Map([[keyid, { keytype, scheme, public: keyval.public }]]);
  try {
    verifyThreshold(parseEnvelope(timestamp, 'timestamp'), {
      ...{ name: 'this server', keys },
      role: { keyids: [keyid], threshold: 1 },
    });
    return true;
  } catch (error) {
    if (isFairleadError(error, 'trust/threshold')) return false;
    throw error;
  }
}

/** When what is published has to be signed again. A clock that was set back since makes it due at once. */
export function isDue(
  { snapshot, timestamp }: { readonly snapshot: EpochMs; readonly timestamp: EpochMs },
  now: EpochMs,
): { readonly snapshot: boolean; readonly timestamp: boolean } {
  return {
    snapshot: isWorn(snapshot - now, SNAPSHOT_LIFETIME_MS, SNAPSHOT_AGE_MS),
    timestamp: isWorn(timestamp - now, TIMESTAMP_LIFETIME_MS, TIMESTAMP_AGE_MS),
  };
}

/** More left than a whole life means that the clock was ahead when it was signed. */
function isWorn(leftMs: number, lifetimeMs: number, ageMs: number): boolean {
  return leftMs <= lifetimeMs - ageMs || leftMs > lifetimeMs;
}

/**
 * Of both, the next time: versions follow the clock, in seconds, and never go back. After a restored backup the next one is
 * then still higher than any that was signed before the loss, and no client takes the restored server for a rollback.
 */
export function nextVersion(
  state: Pick<RepositoryState, 'snapshot' | 'timestamp'> | null,
  now: EpochMs,
): number {
  const previous = state === null ? [] : [state.snapshot.content.version, state.timestamp.content.version];
  return Math.max(1, ...previous.map((version) => version + 1), Math.floor(now / 1000));
}

function describe(file: MetadataFile<Targets | Snapshot>): JsonObject {
  return {
    version: file.content.version,
    length: file.bytes.length,
    hashes: { sha256: hexOf(digestOf(file.bytes)) },
  };
}
