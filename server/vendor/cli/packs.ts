// Packs of earlier releases that this workspace lacks, as that of a build machine does: fetched from the server that it publishes to.
import { hexOf } from '../../../shared/encoding/digest.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { readSecret } from '../../../shared/node/named-file.ts';
import { packPath } from '../../../shared/protocol/publication.ts';
import type { CapabilityRelease } from '../../../shared/schema/release.ts';
import { formatRef, refOf } from '../../../shared/schema/release-ref.ts';
import { maxPackBytes } from '../../../shared/tree/pack-format.ts';
import { createOrigin } from '../../repository/origin.ts';
import type { Session } from '../workspace/passphrases.ts';
import { openWorkspace } from '../workspace/workspace.ts';

export interface PackSource {
  /** Goes on where an earlier call stopped. Nothing of it is verified. Errors: transport/*, disk/*, vendor/file-unreadable for the token. */
  fetch(release: CapabilityRelease, file: string): Promise<void>;
  /** No other pack is asked for: the next would end the same way, and is told of in the same words. */
  giveUp(why: unknown): void;
}

/** All fetches together may take `withinMs`. Errors: vendor/no-workspace, transport/proxy-invalid. */
export async function withPackSource<Result>(
  session: Session,
  withinMs: number,
  work: (packs: PackSource) => Promise<Result>,
): Promise<Result> {
  const { config } = await openWorkspace(session.directory);
  const authorization = async () => `Bearer ${await readSecret(config.tokenFile)}`;
  const origin = createOrigin(`${config.server}/repository`, session.environment, authorization);
  let gaveUp: unknown = null;
  let leftMs = withinMs;
  const giveUp = (why: unknown) => {
    gaveUp ??= why;
  };
  const fetch: PackSource['fetch'] = async (release, file) => {
    if (gaveUp !== null) throw gaveUp;
    const step = `fetching ${formatRef(refOf(release))}`;
    const onProgress = (done: number, total: number | null) =>
      session.out.progress(step, done, Math.max(done, total ?? 0));
    const began = performance.now();
    try {
      const path = packPath(hexOf(release.tree.digest));
      await origin.download(path, file, maxPackBytes(release.tree), { onProgress, withinMs: leftMs });
    } catch (error) {
      if (!isOfOnePack(error)) giveUp(error);
      throw error;
    } finally {
      leftMs -= performance.now() - began;
    }
  };
  try {
    return await work({ fetch, giveUp });
  } finally {
    await origin.close();
  }
}

const MISSING: readonly number[] = [403, 404, 410];

function isOfOnePack(error: unknown): boolean {
  if (!isFairleadError(error)) return false;
  if (error.code === 'transport/refused') return MISSING.includes(Number(error.data.status));
  return error.code === 'transport/too-large';
}
