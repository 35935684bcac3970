// fairlead verify-download: whether files that came from anywhere are what the vendor released.
import { resolve } from 'node:path';
import { z } from 'zod';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { advisoryId } from '../../../shared/schema/advisory.ts';
import { digest, version } from '../../../shared/schema/common.ts';
import { type CliContext, show } from '../context.ts';

export const verifyDownloadAnswer = z.strictObject({
  schema: z.literal('fairlead/download-verified@1'),
  component: z.string(),
  /** The newest version that is released there: an old repository knows no newer one. */
  newest: version,
  /** When the first of the signatures behind this answer ends. */
  expires: z.iso.datetime().nullable(),
  files: z.array(
    z.strictObject({
      ...{ file: z.string(), path: z.string(), version, digest },
      /** Those that affect this version. */
      advisories: z.array(advisoryId),
    }),
  ),
});

export interface VerifyDownloadOptions {
  readonly root: string;
  readonly from: string;
  readonly component: string;
  readonly asOf?: string;
}

/** Errors: trust/*, transport/*, tree/*, file/missing, disk/*. */
export async function verifyDownload(
  context: CliContext,
  files: readonly string[],
  { root, from, component, asOf }: VerifyDownloadOptions,
): Promise<number> {
  const at = asOf === undefined ? context.clock.now() : instantMs(asOf);
  const {
    newest,
    expires,
    files: verified,
  } = await context.verifyDownload({
    ...{ files: files.map((file) => resolve(file)), root, from, component, at, stateDir: context.stateDir },
  });
  const reply = {
    ...{ schema: 'fairlead/download-verified@1', component, newest },
    expires: expires === null ? null : formatInstant(expires),
    files: verified,
  };
  show(context, reply, () => [
    ...verified.map(
      (one) =>
        `${sanitizeLine(one.file)} is what was released as ${component} ${one.version}: ${sanitizeLine(one.path)}`,
    ),
    ...verified.flatMap(({ advisories, version: affected }) =>
      advisories.map((id) => context.style.warn(`${id} affects ${component} ${affected}`)),
    ),
    ...(verified.every((one) => one.version === newest) ? [] : [`the newest that is released is ${newest}`]),
    ...(asOf === undefined
      ? []
      : [`signatures were held against ${asOf}, as you said, and not against this clock`]),
  ]);
  return 0;
}
