// Halts that the server signs by itself: the next version of their role, with what is in force still and what is to be stopped now.
import { toBase64, utf8 } from '../../shared/encoding/bytes.ts';
import { type Digest, digestFromHex, digestOf, hexOf } from '../../shared/encoding/digest.ts';
import { type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import type { PublicationRequest } from '../../shared/protocol/publication.ts';
import type { Classes } from '../../shared/schema/classes.ts';
import { haltPath, haltScopePath } from '../../shared/schema/release-ref.ts';
import type { Halt, HaltScope } from '../../shared/schema/rollout.ts';
import { parseTargetDocument } from '../../shared/schema/target-document.ts';
import { readObject } from '../../shared/trust/field.ts';
import type { SigningKey } from '../../shared/trust/key.ts';
import { parseEnvelope, signMetadata } from '../../shared/trust/metadata.ts';
import type { Halted } from './commit.ts';
import { targetName } from './names.ts';
import type { DocumentRef, Published, RepositoryState } from './state.ts';
import type { RepositoryStore } from './store.ts';

/** A halt to be signed: what is written down of it, and what it takes the place of. */
export interface HaltOrder extends Omit<Halted, 'document'> {
  /** As its scope says whom it is for; null for every install. */
  readonly classes: Classes | null;
  /** SHA-256, hexadecimal, of the halt of this release that is published; null where there is none. */
  readonly follows: string | null;
}

interface Signing {
  readonly store: RepositoryStore;
  readonly now: EpochMs;
}

/**
 * An order counts only while what it was decided on is what is published: whoever lost its lease signs nothing twice, and what
 * the vendor signed meanwhile stands. The role goes on expiring when the vendor said.
 */
export async function signHalts(
  orders: readonly HaltOrder[],
  state: RepositoryState,
  key: SigningKey,
  signing: Signing,
): Promise<{ readonly request: PublicationRequest; readonly halted: readonly Halted[] }> {
  const role = state.roles.get('halts');
  if (role === undefined) return { request: NOTHING, halted: [] };
  const { targets } = role.content;
  const wanted = orders.filter(
    ({ digest, follows }) => (targets.get(haltPath(digest))?.hashes.get('sha256') ?? null) === follows,
  );
  const made = wanted.flatMap(documentsOf);
  const { signed } = parseEnvelope(role.bytes, 'halts');
  const kept = new Map(Object.entries(readObject(signed.targets, 'halts', 'targets')));
  for (const path of await listExpired(state, signing)) kept.delete(path);
  // One for all takes the place of one for a class.
  for (const { digest } of wanted) kept.delete(haltScopePath(digest));
  for (const { path, bytes, custom } of made) kept.set(path, entryOf(bytes, custom));
  const next = {
    ...signed,
    version: role.content.version + 1,
    targets: Object.fromEntries([...kept].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  return {
    request: {
      metadata: [{ role: 'halts', bytes: toBase64(signMetadata(next, [key])) }],
      targets: made.map(({ path, bytes }) => ({ path, bytes: toBase64(bytes) })),
      changes: [],
    },
    halted: wanted.map((order) => {
      const { follows: _, classes: __, ...halted } = order;
      return { ...halted, document: digestOf(haltBytes(order)) };
    }),
  };
}

const NOTHING: PublicationRequest = { metadata: [], targets: [], changes: [] };

interface MadeDocument {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly custom: JsonObject;
}

/** The halt, and whom it is for where that is not everybody. */
function documentsOf(order: HaltOrder): readonly MadeDocument[] {
  const { digest, release: name, classes } = order;
  const made = { path: haltPath(digest), bytes: haltBytes(order), custom: { kind: 'halt', name } };
  if (classes === null) return [made];
  const scope: HaltScope = { schema: 'fairlead/halt-scope@1', digest, classes: [...classes] };
  return [
    made,
    { path: haltScopePath(digest), bytes: jsonBytes(scope), custom: { kind: 'halt-scope', name } },
  ];
}

function haltBytes({ digest, reason, issued, expires }: HaltOrder): Uint8Array {
  const document: Halt = { schema: 'fairlead/halt@1', digest, reason, issued, expires };
  return jsonBytes(document);
}

function jsonBytes(document: object): Uint8Array {
  return utf8(`${JSON.stringify(document, null, 2)}\n`);
}

function entryOf(bytes: Uint8Array, custom: JsonObject): JsonObject {
  return { length: bytes.length, hashes: { sha256: hexOf(digestOf(bytes)) }, custom };
}

/** Of the role itself: what it lists and what no longer stops anything. */
async function listExpired({ roles }: RepositoryState, { store, now }: Signing): Promise<readonly string[]> {
  const expired: string[] = [];
  for (const [path, { hashes }] of roles.get('halts')?.content.targets ?? []) {
    const sha256 = hashes.get('sha256');
    const stored = sha256 === undefined ? null : await store.read(targetName(path, sha256));
    if (sha256 === undefined || stored === null || digestOf(stored.bytes) !== digestFromHex(sha256)) continue;
    const parsed = parseTargetDocument(path, stored.bytes);
    if (parsed?.kind !== 'halt' || instantMs(parsed.document.expires) > now) continue;
    expired.push(path, haltScopePath(parsed.document.digest));
  }
  return expired;
}

/** Null for what is published beside halts, such as whom one is for. */
export async function readHaltDocument(
  store: Pick<RepositoryStore, 'read'>,
  { path, sha256 }: DocumentRef,
): Promise<Halt | null> {
  const stored = await store.read(targetName(path, sha256));
  const found = stored === null ? null : parseTargetDocument(path, stored.bytes);
  return found?.kind === 'halt' ? found.document : null;
}

/** The halt of a release that is published, in force or not. */
export async function readHalt(
  store: Pick<RepositoryStore, 'read'>,
  { halts }: Published,
  release: Digest,
): Promise<{ readonly halt: Halt; readonly document: Digest; readonly isForAll: boolean } | null> {
  const path = haltPath(release);
  const ref = halts.find((one) => one.path === path);
  const halt = ref === undefined ? null : await readHaltDocument(store, ref);
  return ref === undefined || halt === null
    ? null
    : {
        ...{ halt, document: digestFromHex(ref.sha256) },
        isForAll: !halts.some(({ path: each }) => each === haltScopePath(release)),
      };
}
