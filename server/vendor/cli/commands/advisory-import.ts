// `advisory import`: an OSV record becomes an advisory about the components that are released as its packages.
import { parseJson } from '../../../../shared/encoding/json.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { parseDocument } from '../../../../shared/schema/parse-document.ts';
import { formatRef, refFor, releasePath } from '../../../../shared/schema/release-ref.ts';
import { type ImportedAdvisory, importOsv } from '../../core/osv-import.ts';
import { OSV_LIMITS, osvRecord } from '../../core/osv-record.ts';
import { readReleases } from '../../workspace/documents.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { openWorkspace, readOption } from '../../workspace/workspace.ts';
import { type AdvisoryOptions, draftFrom } from '../advisory-draft.ts';
import { findAdvisory, type PublishingOptions, publishDraft, signAdvisory } from '../advisory-signing.ts';
import { type PackageOptions, readPackages } from '../packages.ts';

type ImportOptions = AdvisoryOptions & PublishingOptions & PackageOptions;

/** What is typed counts before what the record says. Errors: vendor/import-unusable, and those of publishing. */
export async function importAdvisory(session: Session, path: string, options: ImportOptions): Promise<void> {
  await openWorkspace(session.directory);
  const file = path === '-' ? 'standard input' : path;
  const record = parseDocument(osvRecord, parseJson(await readRecord(path), file, OSV_LIMITS), file);
  const packages = await readPackages(options);
  const { withdrawn, leftOut, ...imported } = importOsv(record, {
    file,
    packages,
    affected: options.affected,
  });
  for (const what of leftOut) session.out.note(`left out: ${what}`);
  const id = options.id ?? imported.id;
  if (withdrawn !== null && Date.parse(withdrawn) <= session.now()) {
    await takeBack(session, { file, id, withdrawn });
    return;
  }
  const { fixed, alias = [], ...words } = imported;
  const others = alias.filter((one) => one !== id);
  const typed = {
    ...words,
    ...(others.length === 0 ? {} : { alias: others }),
    fixed: options.fixed ?? (await releasedOf(session, fixed)),
    ...options,
  };
  await publishDraft(session, 'advisory-import', draftFrom(typed, session.now()), options);
}

/** What is published under its id forces nothing any more. Error: vendor/import-unusable where nothing is. */
async function takeBack(
  session: Session,
  of: { readonly file: string; readonly id: string | undefined; readonly withdrawn: string },
): Promise<void> {
  const published = of.id === undefined ? undefined : await findAdvisory(session, of.id);
  if (published === undefined) {
    throw new FairleadError('vendor/import-unusable', {
      file: of.file,
      field: 'withdrawn',
      problem: `it was taken back at ${of.withdrawn}, and no advisory is published for it`,
      remedy: 'give --id where it was published under another name',
    });
  }
  const advisory = { ...published.advisory, withdrawn: true };
  await signAdvisory(session, 'advisory-import', { ...published, advisory, terms: null });
}

/** A fix that is not released yet may be there already for others: it is named once it can be taken. */
async function releasedOf(
  session: Session,
  fixed: ImportedAdvisory['fixed'],
): Promise<ImportedAdvisory['fixed']> {
  const { releases } = await readReleases(session.directory);
  const paths = new Set(releases.map(({ path }) => path));
  return fixed.filter(({ component, version }) => {
    const ref = refFor(component, version);
    const isReleased = paths.has(releasePath(ref));
    if (!isReleased) session.out.note(`left out: ${formatRef(ref)} as a fix, for it is not released`);
    return isReleased;
  });
}

async function readRecord(file: string): Promise<Uint8Array> {
  if (file !== '-') return readOption('<file>', file);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of process.stdin) {
    parts.push(part);
    bytes += part.length;
    if (bytes > OSV_LIMITS.maxBytes) break;
  }
  return Buffer.concat(parts);
}
