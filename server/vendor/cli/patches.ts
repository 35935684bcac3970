// Patches to what is published, made and sent before it: installs that run an earlier release fetch little. What cannot be made stops nothing.
import { hexOf } from '../../../shared/encoding/digest.ts';
import { formatBytes } from '../../../shared/errors/entry.ts';
import { type FairleadError, isFairleadError, toDiskError } from '../../../shared/errors/error.ts';
import { versionsList } from '../../../shared/protocol/fleet-proposals.ts';
import { maxPatchBytes, patchUploadPath } from '../../../shared/protocol/patches.ts';
import { componentKeyOf } from '../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { type CapabilityRelease, capabilityRelease, type Release } from '../../../shared/schema/release.ts';
import { componentNameOf, formatRef, parseReleasePath, refOf } from '../../../shared/schema/release-ref.ts';
import type { Version } from '../../../shared/version/version.ts';
import {
  type ListedRelease,
  newestOfEach,
  type PatchWish,
  selectStarts,
  USUAL_PATCHES,
} from '../core/patch-starts.ts';
import { readNewest } from '../workspace/metadata.ts';
import type { Session } from '../workspace/passphrases.ts';
import { type PatchBench, packBytes, readTried, withPatchBench, writeTried } from '../workspace/patches.ts';
import { listTargets, readTarget } from '../workspace/targets.ts';
import { type PackSource, withPackSource } from './packs.ts';
import type { ServerClient } from './server-client.ts';

/** With less to fetch, the question for patches costs as much as it saves. */
const LEAST_PACK_BYTES = 64 * 1024;

/** A release waits for the packs of earlier ones no longer: on a slow line that would be hours. */
const RELEASE_WAITS_MS = 5 * 60_000;

/** To those of `fresh`, which the server has not yet; `isAwaited` where something signed is published after them. */
export async function uploadPatches(
  server: ServerClient,
  session: Session,
  fresh: readonly Release[],
  isAwaited: boolean,
): Promise<void> {
  const wish = session.patches ?? USUAL_PATCHES;
  if (wish.most === 0) return;
  const wanted = fresh.filter(isCapability);
  if (wanted.length === 0 && !wish.newest) return;
  const known = await listCapabilities(session.directory);
  if (wish.newest)
    wanted.push(...(await Promise.all(newestOfEach(known).map((one) => readListed(session, one)))));
  const withinMs = isAwaited ? RELEASE_WAITS_MS : Number.POSITIVE_INFINITY;
  await withPackSource(session, withinMs, (packs) =>
    withPatchBench(session.directory, async (bench) => {
      for (const to of wanted) await patchesTo(to, known, wish, { server, session, bench, packs });
    }),
  );
}

interface Means {
  readonly server: ServerClient;
  readonly session: Session;
  readonly bench: PatchBench;
  readonly packs: PackSource;
}

async function patchesTo(
  to: CapabilityRelease,
  known: readonly ListedRelease[],
  { most, small }: PatchWish,
  means: Means,
): Promise<void> {
  const { session, server, packs } = means;
  const { digest } = to.tree;
  const full = await packBytes(session.directory, digest);
  const component = componentKeyOf(to.suite, to.name);
  const hasOthers = known.some((one) => one.component === component && one.version !== to.version);
  if (!hasOthers || (full !== null && full < LEAST_PACK_BYTES)) return;
  const installs = await installsOf(server, component);
  const tried = new Set(await readTried(session.directory, digest)).add(digest);
  const failed = new Map<string, Version[]>();
  for (const listed of selectStarts({ component, version: to.version }, known, installs, most)) {
    try {
      const from = await readListed(session, listed);
      if (tried.has(from.tree.digest)) continue;
      await patchBetween(from, to, { ...means, small });
      tried.add(from.tree.digest);
    } catch (cause) {
      const error = ownError(cause);
      // What another pack brings would find no more room.
      if (isFairleadError(error, 'disk/full', 'disk/no-inodes', 'disk/failed')) packs.giveUp(error);
      const why = whyNone(error);
      failed.set(why, [...(failed.get(why) ?? []), listed.version]);
      if (why === EARLIER_SERVER) break;
    }
  }
  for (const [why, versions] of failed) {
    const name = formatRef(refOf(to));
    session.out.note(`no patch to ${name} from ${versions.join(', ')}: ${why}; installs fetch the full pack`);
  }
  if (!failed.has(EARLIER_SERVER)) await writeTried(session.directory, digest, tried);
}

/** It has no place for any of them. */
const EARLIER_SERVER = 'the server is of an earlier version';

/** What keeps one patch from being made, and no release from coming out; all else is thrown. */
function ownError(cause: unknown): FairleadError {
  const error = cause instanceof Error && 'syscall' in cause ? toDiskError('packs', cause) : cause;
  if (!isFairleadError(error)) throw error;
  return error;
}

function whyNone(error: FairleadError): string {
  if (isFairleadError(error, 'vendor/server-refused') && error.data.status === 404) return EARLIER_SERVER;
  return error.code.startsWith('transport/')
    ? `its pack is not in this workspace, and ${error.message} (later: fairlead-vendor publish)`
    : error.message;
}

/** As the signed metadata says; their documents are not read. */
async function listCapabilities(directory: string): Promise<readonly ListedRelease[]> {
  const newest = await readNewest(directory, 'releases');
  return [...(newest === null ? [] : listTargets(newest))].flatMap(([path, digest]) => {
    const ref = parseReleasePath(path);
    if (ref?.kind !== 'capability') return [];
    return [{ component: componentNameOf(ref), version: ref.version, path, digest }];
  });
}

async function readListed(
  { directory }: Session,
  { path, digest }: ListedRelease,
): Promise<CapabilityRelease> {
  return parseDocumentBytes(capabilityRelease, await readTarget(directory, path, digest), path);
}

async function patchBetween(
  from: CapabilityRelease,
  to: CapabilityRelease,
  { server, session, bench, packs, small }: Means & { readonly small: boolean },
): Promise<void> {
  const address = patchUploadPath(hexOf(to.tree.digest), hexOf(from.tree.digest));
  if (await server.has(address)) return;
  const name = `${formatRef(refOf(to))} from ${from.version}`;
  const step = `making a patch to ${name}`;
  const laidOut = (release: CapabilityRelease) =>
    bench.layOut(release.tree, (file) => packs.fetch(release, file));
  const next = await laidOut(to);
  const full = await packBytes(session.directory, to.tree.digest);
  if (full === null || full < LEAST_PACK_BYTES) return;
  const old = await laidOut(from);
  const onProgress = (done: number, total: number) => session.out.progress(step, done, total);
  const { writable = [] } = from;
  const made = await bench.make(old, next, { writable, small, onProgress });
  if (made.kind === 'refused') {
    session.out.note(
      `no patch to ${name}: what was made would be refused (${made.problem}), a fault of fairlead-vendor; installs fetch the full pack`,
    );
    return;
  }
  const { file, bytes } = made;
  if (bytes > maxPatchBytes(full)) return;
  await server.upload(address, file, (done, total) =>
    session.out.progress(`uploading the patch to ${name}`, done, total),
  );
  session.out.note(`patch to ${name}: ${formatBytes(bytes)}, the full pack has ${formatBytes(full)}`);
}

/** Whoever cannot be asked tells of none. */
async function installsOf(server: ServerClient, component: string): Promise<(version: Version) => number> {
  try {
    const path = `/api/v1/versions?${new URLSearchParams({ component })}`;
    const { versions } = await server.get(path, versionsList);
    const installs = new Map(versions.map((one) => [String(one.version), one.instances]));
    return (version) => installs.get(version) ?? 0;
  } catch (error) {
    if (isFairleadError(error)) return () => 0;
    throw error;
  }
}

function isCapability(release: Release): release is CapabilityRelease {
  return release.schema === 'fairlead/capability@1';
}
