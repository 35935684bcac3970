// The advisories that are published, read back from the repository.
import { FairleadError } from '../../shared/errors/error.ts';
import { readIfPresent } from '../../shared/node/read-file.ts';
import { type Advisory, advisory } from '../../shared/schema/advisory.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { type Layout, targetFile } from './layout.ts';
import type { RepositoryState } from './state.ts';

/** Sorted by path. Error: disk/unreadable when a published document is missing. */
export async function readAdvisories(layout: Layout, state: RepositoryState): Promise<readonly Advisory[]> {
  const entries = [...state.roles.values()]
    .flatMap(({ content }) => [...content.targets])
    .filter(([path]) => path.startsWith('advisories/'))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Promise.all(
    entries.map(async ([path, { hashes }]) => {
      const file = targetFile(layout, path, hashes.get('sha256') ?? '');
      const bytes = await readIfPresent(file);
      if (bytes === null)
        throw new FairleadError('disk/unreadable', { path: file, problem: 'the file is missing' });
      return parseDocumentBytes(advisory, bytes, path);
    }),
  );
}
