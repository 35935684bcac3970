// `fairlead-server mirror`: a copy of a vendor's repository in a directory, for any web server to serve; once, or again and again.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { formatInstant } from '../../shared/encoding/instant.ts';
import { count, EXIT } from '../../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import { writeDurably } from '../../shared/node/durable-file.ts';
import { tryLock } from '../../shared/node/lock.ts';
import { readNamed } from '../../shared/node/named-file.ts';
import { isPresent } from '../../shared/node/read-file.ts';
import { MAX_METADATA_BYTES } from '../../shared/trust/metadata.ts';
import { directoryAddress } from '../core/repository-address.ts';
import { layoutOf } from '../repository/layout.ts';
import { type Mirrored, mirrorOnce } from '../repository/mirror.ts';
import { openStore } from '../repository/open-store.ts';
import { createOrigin } from '../repository/origin.ts';
import { type CliContext, print } from './options.ts';

export interface MirrorSettings {
  readonly dir: string;
  readonly from: string;
  readonly root: string;
  /** Milliseconds; once where it is not given. */
  readonly every?: number;
  readonly patches: boolean;
}

/** With `every` it ends by a signal alone: what a kill leaves, the next pass goes on with. Errors: those of `mirrorOnce`, server/mirror-unfit, file/*. */
export async function mirror(
  { environment }: CliContext,
  { dir, from, root: rootFile, every, patches }: MirrorSettings,
): Promise<number> {
  const root = await readNamed(rootFile, MAX_METADATA_BYTES.root);
  await mkdir(dir, { recursive: true });
  const lock = await requireMirror(dir);
  const origin = createOrigin(from.replace(/\/$/, ''), environment);
  const store = openStore(directoryAddress(dir));
  const pass = async () => {
    const now = Date.now();
    try {
      const mirrored = await mirrorOnce({
        ...{ origin, store, root, now, patches, staging: join(dir, 'staging') },
      });
      await writeHealth(dir, { from, at: formatInstant(now), ...healthOf(mirrored), failure: null });
      describe(mirrored).forEach(print);
    } catch (error) {
      if (!isFairleadError(error)) throw error;
      const { code, message } = error;
      const failure = { code, message };
      // A full disk takes no word of it either; what is shown and the exit status say it all the same.
      await writeHealth(dir, { from, at: formatInstant(now), failure }).catch(() => undefined);
      throw error;
    }
  };
  try {
    if (every === undefined) await pass();
    else await repeat(pass, every);
    return EXIT.ok;
  } finally {
    lock.release();
    await Promise.all([origin.close(), store.close()]);
  }
}

/** One failed pass changes nothing of what is shown, and the next may do better. */
async function repeat(pass: () => Promise<void>, everyMs: number): Promise<never> {
  for (;;) {
    await pass().catch((error: unknown) => {
      if (!isFairleadError(error)) throw error;
      process.stderr.write(`${error.code}: ${error.message}; what is shown stays\n`);
    });
    await setTimeout(everyMs);
  }
}

/** Of a release server nothing may be removed or taken back from outside. */
async function requireMirror(dir: string) {
  const { database, databaseMark, keys } = layoutOf(dir);
  const unfit = (problem: string) => new FairleadError('server/mirror-unfit', { dir, problem });
  for (const path of [database, databaseMark, keys]) {
    if (await isPresent(path)) throw unfit('it is the directory of a release server');
  }
  const lock = await tryLock(join(dir, 'mirror-lock.db'));
  if (lock === null) throw unfit('another mirror is at work there');
  return lock;
}

/** For whatever watches the mirror; next to what is served, not in it. */
async function writeHealth(dir: string, health: object): Promise<void> {
  const document = { schema: 'fairlead/mirror-health@1', ...health };
  await writeDurably(join(dir, 'mirror.json'), utf8(`${JSON.stringify(document, null, 2)}\n`), 0o644);
}

function healthOf({ outcome, version, expires, unread }: Mirrored) {
  return { outcome, timestamp: version, expires: formatInstant(expires), unread: unread.length };
}

function describe(mirrored: Mirrored): string[] {
  const { outcome, version, expires, documents, packs, removed, unread, withoutPatches: left } = mirrored;
  const until = `timestamp ${version}, good until ${formatInstant(expires)}`;
  const came = `${count(documents, 'document')}, ${count(packs, 'pack')}`;
  return [
    outcome === 'changed' ? `copied ${came}; ${until}` : `nothing new; ${until}`,
    ...(removed === 0 ? [] : [`  ${count(removed, 'old file')} went`]),
    ...(left.length === 0
      ? []
      : [
          `  ${count(left.length, 'patch', 'patches')} left out: the origin has others than it lists, or there is no room for them`,
        ]),
    ...(unread.length === 0
      ? []
      : [`  ${count(unread.length, 'release')} of a newer form, without packs here: update this program`]),
  ];
}
