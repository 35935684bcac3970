// The enrolment on disk: which server this instance follows, under which id, and the root its trust starts from.
import { join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { digest, line } from '../../../shared/schema/common.ts';
import { encodeStored, parseStored } from '../../../shared/schema/stored-document.ts';

const enrolmentFile = z.strictObject({
  schema: z.literal('fairlead/enrolment@1'),
  server: z.url({ protocol: /^https?$/, error: 'an http or https URL' }),
  instance: z.string().regex(/^[0-9a-f-]{36}$/, { error: 'an instance id' }),
  name: line,
  /** Digest of the enrolment string: running the same command again is no second enrolment. */
  string: digest,
  root: z.strictObject({
    version: z.int().min(1),
    digest,
    /** The exact bytes, base64. */
    bytes: z.base64(),
  }),
});

export type EnrolmentFile = z.output<typeof enrolmentFile>;

/** Errors: document/invalid, json/invalid, disk/failed. */
export async function readEnrolment(stateDir: string): Promise<EnrolmentFile | null> {
  const bytes = await readIfPresent(pathOf(stateDir));
  return bytes === null ? null : parseStored(enrolmentFile, bytes, pathOf(stateDir));
}

export async function writeEnrolment(stateDir: string, enrolment: EnrolmentFile): Promise<void> {
  await writeDurably(pathOf(stateDir), encodeStored(enrolmentFile, enrolment, pathOf(stateDir)));
}

function pathOf(stateDir: string): string {
  return join(stateDir, 'enrolment.json');
}
