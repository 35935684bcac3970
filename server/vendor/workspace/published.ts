// Which state of each change the server has taken: saves sending every record each time.
import { join } from 'node:path';
import { z } from 'zod';
import type { ChangeRecord } from '../../../shared/change/change.ts';
import { type Digest, digestOfValue } from '../../../shared/encoding/digest.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { digest } from '../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { writeJson } from './workspace.ts';

const published = z.strictObject({
  schema: z.literal('fairlead/published@1'),
  /** Digest of each record by change id. */
  changes: z.record(z.string(), digest),
});

/** A lost file costs one larger publication. */
export async function readPublished(directory: string): Promise<ReadonlyMap<string, Digest>> {
  const path = publishedFile(directory);
  const bytes = await readIfPresent(path);
  return new Map(bytes === null ? [] : Object.entries(parseDocumentBytes(published, bytes, path).changes));
}

export async function writePublished(directory: string, records: readonly ChangeRecord[]): Promise<void> {
  const before = await readPublished(directory);
  const now = records.map((record) => [record.id, digestOfValue(record)] as const);
  await writeJson(publishedFile(directory), {
    schema: 'fairlead/published@1',
    changes: Object.fromEntries([...before, ...now]),
  });
}

function publishedFile(directory: string): string {
  return join(directory, 'published.json');
}
