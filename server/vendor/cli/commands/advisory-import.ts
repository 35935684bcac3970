// `advisory import`: an OSV record becomes an advisory about the components that are released as its packages.
import { parseJson } from '../../../../shared/encoding/json.ts';
import { sanitizeLine } from '../../../../shared/encoding/text.ts';
import { count } from '../../../../shared/errors/entry.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { Advisory } from '../../../../shared/schema/advisory.ts';
import { parseDocument } from '../../../../shared/schema/parse-document.ts';
import { formatRef, refFor, releasePath } from '../../../../shared/schema/release-ref.ts';
import { type ImportedAdvisory, importOsv } from '../../core/osv-import.ts';
import { OSV_LIMITS, osvRecord } from '../../core/osv-record.ts';
import { readReleases } from '../../workspace/documents.ts';
import { judgeReleases } from '../../workspace/inside.ts';
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
  const { withdrawn } = record;
  // What was taken back need not say any more what it was about.
  if (typeof withdrawn === 'string' && Date.parse(withdrawn) <= session.now()) {
    await takeBack(session, { file, record: record.id, withdrawn }, options);
    return;
  }
  const packages = await readPackages(options);
  const onProgress = (done: number, total: number) =>
    session.out.progress('reading bills of materials', done, total, 'pieces');
  const releases =
    options.affected === undefined ? await judgeReleases(session.directory, record, onProgress) : [];
  const { leftOut, ...imported } = importOsv(record, { ...options, file, packages, releases });
  for (const what of leftOut) session.out.note(`left out: ${what}`);
  const id = options.id ?? imported.id;
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

interface TakenBack {
  readonly file: string;
  /** Its id. */
  readonly record: string;
  readonly withdrawn: string;
}

/** What is published of it forces nothing any more. Errors: vendor/import-unusable where nothing is, vendor/not-agreed. */
async function takeBack(
  session: Session,
  { file, record, withdrawn }: TakenBack,
  options: ImportOptions,
): Promise<void> {
  const refused = (problem: string, remedy: string) =>
    new FairleadError('vendor/import-unusable', { file, field: 'withdrawn', problem, remedy });
  const id = options.id ?? record;
  const published = await findAdvisory(session, id);
  if (published === undefined) {
    throw refused(
      `it was taken back at ${withdrawn}, and no advisory is published for it`,
      'give --id where it was published under another name',
    );
  }
  const { advisory, details } = published;
  // A record of a name in common does not suffice: one that was taken back as a copy shares its CVE id with that which stands.
  if (![id, ...advisory.cves, ...(details?.aliases ?? [])].includes(record)) {
    throw refused(
      `${id} is published, and ${sanitizeLine(record, 100)} is none of its names`,
      `to take it back all the same, run: fairlead-vendor advisory withdraw ${id}`,
    );
  }
  for (const line of describe(advisory)) session.out.note(line);
  if (options.yes !== true && !(await session.agrees(`Take back ${id}?`))) {
    throw new FairleadError('vendor/not-agreed', { what: `the withdrawal of ${id}` });
  }
  await signAdvisory(session, 'advisory-import', {
    ...published,
    advisory: { ...advisory, withdrawn: true },
    terms: null,
  });
}

function describe({ id, severity, title, affected, order }: Advisory): readonly string[] {
  const ranges = affected.map(({ component, versions }) => `${component}:${versions}`).join(', ');
  const ends = order === undefined ? [] : ['its order forces nobody any more'];
  return [`takes back ${id}  ${severity}  ${title}`, `it is about ${ranges}`, ...ends];
}

/** A fix that is not released yet may be there already for others: it is named once it can be taken. */
async function releasedOf(
  session: Session,
  fixed: ImportedAdvisory['fixed'],
): Promise<ImportedAdvisory['fixed']> {
  const { releases } = await readReleases(session.directory);
  const paths = new Set(releases.map(({ path }) => path));
  const isReleased = ({ component, version }: ImportedAdvisory['fixed'][number]) =>
    paths.has(releasePath(refFor(component, version)));
  const missing = fixed.filter((fix) => !isReleased(fix));
  if (missing.length > 0) {
    const first = missing.slice(0, 5).map(({ component, version }) => formatRef(refFor(component, version)));
    session.out.note(
      `left out: ${count(missing.length, 'fixed version')} that nobody has released: ${first.join(', ')}`,
    );
  }
  return fixed.filter(isReleased);
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
