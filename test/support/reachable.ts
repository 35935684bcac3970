// What a client of one moment goes through in a repository, read from the files without our code.
import { metadataName, TIMESTAMP, targetName } from '../../server/repository/names.ts';
import type { RepositoryStore } from '../../server/repository/store.ts';

export interface Reachable {
  readonly names: readonly string[];
  /** Of the snapshot. */
  readonly expires: number;
}

/** What a client that has this timestamp may still ask for, read without our code. */
export async function reachableFrom(store: RepositoryStore): Promise<Reachable> {
  const read = async (name: string) => JSON.parse(String((await store.read(name))?.bytes)).signed;
  const { version } = (await read(TIMESTAMP)).meta['snapshot.json'];
  const snapshot = await read(metadataName('snapshot', version));
  const names = [metadataName('snapshot', version)];
  for (const [file, meta] of Object.entries<{ version: number }>(snapshot.meta)) {
    const name = metadataName(file.replace('.json', ''), meta.version);
    const { targets } = await read(name);
    names.push(name);
    for (const [path, target] of Object.entries<{ hashes: { sha256: string } }>(targets)) {
      names.push(targetName(path, target.hashes.sha256));
    }
  }
  return { names, expires: Date.parse(snapshot.expires) };
}
