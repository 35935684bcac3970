// The short ways from metadata that was published before to what comes out now, beside the files themselves.
import { DIFFERENCES_KEPT, differenceName, makeDifference } from '../../shared/trust/difference.ts';
import { METADATA, metadataName } from './names.ts';
import type { RepositoryStore } from './store.ts';

/** A file of a repository, by its name in a store. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Roots and snapshots are small. */
const ROLE = /^repository\/metadata\/(\d+)\.(?!root\.|snapshot\.)([a-z][a-z0-9-]*)\.json$/;
const DIFFERENCE = /^repository\/metadata\/\d+\.\.(\d+)\.([a-z][a-z0-9-]*)\.diff$/;

/** To this metadata from each of the last versions that stand in the store. Where it is not worth it there is none. */
export async function makeDifferences(
  store: Pick<RepositoryStore, 'read'>,
  { name, bytes }: NamedBytes,
): Promise<readonly NamedBytes[]> {
  const [, number, role] = ROLE.exec(name) ?? [];
  if (role === undefined) return [];
  const to = Number(number);
  const versions = Array.from({ length: Math.min(DIFFERENCES_KEPT, to - 1) }, (_, i) => to - 1 - i);
  const made = await Promise.all(
    versions.map(async (from) => {
      const old = await store.read(metadataName(role, from));
      const difference = old === null ? null : makeDifference(old.bytes, bytes);
      return difference === null
        ? []
        : [{ name: METADATA + differenceName(from, to, role), bytes: difference }];
    }),
  );
  return made.flat();
}

/** The metadata that a difference leads to; null for what is none. */
export function goalOf(name: string): string | null {
  const [, version, role] = DIFFERENCE.exec(name) ?? [];
  return version === undefined || role === undefined ? null : metadataName(role, Number(version));
}
