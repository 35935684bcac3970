// The advisories that are published, read back from the repository.
import { FairleadError } from '../../shared/errors/error.ts';
import { readIfPresent } from '../../shared/node/read-file.ts';
import { type Advisory, advisory } from '../../shared/schema/advisory.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { type Layout, targetFile } from './layout.ts';
import type { AdvisoryRef } from './state.ts';

/** Error: disk/unreadable when the published document is missing. */
export async function readAdvisory(layout: Layout, { path, sha256 }: AdvisoryRef): Promise<Advisory> {
  const file = targetFile(layout, path, sha256);
  const bytes = await readIfPresent(file);
  if (bytes === null) {
    throw new FairleadError('disk/unreadable', { path: file, problem: 'the file is missing' });
  }
  return parseDocumentBytes(advisory, bytes, path);
}
