// A repository in a directory: a copy of what a server has, as it is carried to a machine that reaches no server.
import { join } from 'node:path';
import { basename, dirname } from 'node:path/posix';
import { FairleadError } from '../../../shared/errors/error.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { packPath } from '../../../shared/protocol/publication.ts';
import type { RepositorySource } from '../../ports/server.ts';

export interface DirectorySource extends Pick<RepositorySource, 'metadata' | 'document'> {
  /** Where the pack of a tree lies, if it is there. */
  packFile(treeHex: string): string;
}

/**
 * Names are those of the server (TUF §6): below `metadata`, `targets` and `packs`. Nothing that it gives is believed.
 * Errors: file/missing, trust/misplaced, disk/unreadable.
 */
export function createDirectorySource(directory: string): DirectorySource {
  return {
    async metadata(file, { maxBytes }) {
      const place = join(directory, 'metadata', staying(file));
      const bytes = await readIfPresent(place, maxBytes);
      return bytes === null ? { kind: 'missing', status: 404, place } : { kind: 'body', bytes, etag: null };
    },
    async document(path, hash, maxBytes) {
      const name = hash === null ? basename(path) : `${hash}.${basename(path)}`;
      const file = join(directory, 'targets', dirname(staying(path)), name);
      const bytes = await readIfPresent(file, maxBytes);
      if (bytes === null) throw new FairleadError('file/missing', { path: file });
      return bytes;
    },
    packFile: (treeHex) => join(directory, packPath(treeHex)),
  };
}

/** Names come from metadata, which whoever wrote the medium may have made. Error: trust/misplaced. */
function staying(path: string): string {
  if (/(?:^|\/)\.{1,2}(?:\/|$)|\0/.test(path)) {
    throw new FairleadError('trust/misplaced', { path, problem: 'a path may not climb' });
  }
  return path;
}
