// A publication's metadata, judged as a client would judge it: which of it is new, and whether the whole still verifies.
import { equalBytes } from '../../shared/encoding/bytes.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { OnlineKeysReply } from '../../shared/protocol/publication.ts';
import { parseEnvelope, type Root } from '../../shared/trust/metadata.ts';
import { parseRoot } from '../../shared/trust/parse-metadata.ts';
import {
  delegateSigner,
  type Signer,
  signerOf,
  verifyFresh,
  verifyInitialRoot,
  verifyNextRoot,
  verifyThreshold,
} from '../../shared/trust/rules.ts';
import { type MetadataFile, openRole, type RepositoryState, type RoleFile, type Roles } from './state.ts';

export interface SentMetadata {
  readonly role: string;
  readonly bytes: Uint8Array;
}

export interface MetadataPlan {
  /** New versions in order; empty when the root stays. */
  readonly roots: readonly MetadataFile<Root>[];
  readonly root: MetadataFile<Root>;
  /** Every role as it will be. */
  readonly roles: Roles;
  /** The names of those that are new. */
  readonly changed: readonly string[];
}

export interface MetadataContext {
  readonly state: RepositoryState | null;
  readonly onlineKeys: OnlineKeysReply;
  /** What was published under this version, however long ago; null when nothing was. */
  readonly readPublished: (role: string, version: number) => Promise<Uint8Array | null>;
  readonly now: EpochMs;
}

/** Errors: trust/*, publication/*. */
export async function planMetadata(
  sent: readonly SentMetadata[],
  context: MetadataContext,
): Promise<MetadataPlan> {
  const roots = await planRoots(sent, context);
  const root = roots.at(-1) ?? context.state?.root;
  if (root === undefined) throw new FairleadError('publication/no-root', {});
  verifyRootFits(root.content, context.onlineKeys);
  if (roots.length > 0) verifyFresh('root', root.content.expires, context.now);
  const offered = await planRoles(sent, context);
  const roles = verifyRoles(root.content, context.state?.roles ?? new Map(), offered);
  for (const [role, file] of offered) verifyFresh(role, file.content.expires, context.now);
  return { roots, root, roles, changed: [...offered.keys()] };
}

/** TUF §5.3: one version after the other, each signed by the quorum before it and by its own. */
async function planRoots(
  sent: readonly SentMetadata[],
  context: MetadataContext,
): Promise<readonly MetadataFile<Root>[]> {
  const roots: MetadataFile<Root>[] = [];
  let trusted = context.state?.root.content;
  for (const { role, bytes } of sent) {
    if (role !== 'root') continue;
    const version = parseRoot(parseEnvelope(bytes, 'root').signed, 'root').version;
    if (trusted !== undefined && version <= trusted.version) {
      await verifySame('root', version, bytes, context);
      continue;
    }
    // The first root ever: whoever holds the publisher's token begins the repository. Agents are told its digest apart.
    trusted = trusted === undefined ? verifyInitialRoot(bytes) : verifyNextRoot(trusted, bytes);
    roots.push({ bytes, content: trusted });
  }
  return roots;
}

/** The sent roles that are newer than what is published. Their signatures are not verified yet. */
async function planRoles(sent: readonly SentMetadata[], context: MetadataContext): Promise<Roles> {
  const offered = new Map<string, RoleFile>();
  for (const { role, bytes } of sent) {
    if (role === 'root') continue;
    if (role === 'snapshot' || role === 'timestamp')
      throw new FairleadError('publication/unknown-role', { role });
    const file = openRole(role, bytes);
    const { version } = file.content;
    const current = context.state?.roles.get(role)?.content.version ?? 0;
    if (version <= current) await verifySame(role, version, bytes, context);
    else offered.set(role, file);
  }
  return offered;
}

/** A publication may be repeated, but what was published under a version stays what it was. */
async function verifySame(
  role: string,
  version: number,
  bytes: Uint8Array,
  context: MetadataContext,
): Promise<void> {
  const published = await context.readPublished(role, version);
  if (published === null || !equalBytes(published, bytes)) {
    throw new FairleadError('publication/version-taken', { role, version });
  }
}

function verifyRootFits(root: Root, onlineKeys: OnlineKeysReply): void {
  const unfit = (problem: string) =>
    new FairleadError('publication/unfit-root', { version: root.version, problem });
  if (!root.consistentSnapshot) throw unfit('consistent_snapshot is not true');
  for (const role of ['snapshot', 'timestamp'] as const) {
    const { keyids, threshold } = root.roles[role];
    const named = keyids.some((keyid) => root.keys.get(keyid)?.public.toLowerCase() === onlineKeys[role]);
    if (!named || threshold !== 1) throw unfit(`its ${role} role is not this server's key alone`);
  }
}

/** Walks every delegation from the root down; each role must satisfy each of its delegators. */
function verifyRoles(root: Root, published: Roles, offered: Roles): Roles {
  const roles = new Map(published);
  const reached = new Set<string>();
  const pending: { readonly role: string; readonly signer: Signer }[] = [
    { role: 'targets', signer: signerOf(root, 'targets') },
  ];
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const { role, signer } = next;
    const file = offered.get(role) ?? published.get(role);
    if (file === undefined) throw new FairleadError('publication/missing-metadata', { role });
    verifyThreshold(file.envelope, signer);
    if (reached.has(role)) continue;
    reached.add(role);
    roles.set(role, file);
    for (const { name } of file.content.delegations) {
      const delegate = delegateSigner(role, file.content, name);
      if (delegate !== null) pending.push({ role: name, signer: delegate });
    }
  }
  const unreached = [...offered.keys()].find((role) => !reached.has(role));
  if (unreached !== undefined) throw new FairleadError('publication/unknown-role', { role: unreached });
  return roles;
}
