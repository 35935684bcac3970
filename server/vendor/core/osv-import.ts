// An OSV record as the words of an advisory: which components it is about, which of their versions, how bad it is, where more is told.
import { cutText, sanitizeLine, sanitizeText } from '../../../shared/encoding/text.ts';
import { count } from '../../../shared/errors/entry.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { type Advisory, advisoryId, cveId, type Severity } from '../../../shared/schema/advisory.ts';
import {
  alias,
  REFERENCE_KINDS,
  type Reference,
  reference,
} from '../../../shared/schema/advisory-details.ts';
import { cvssVersionOf, isCvssVector } from '../../../shared/schema/cvss.ts';
import { scoreOf, severityOf } from './cvss-score.ts';
import { readAffected } from './osv-affected.ts';
import type { JudgedRelease } from './osv-inside.ts';
import { componentsOf, type PackageName, readFixes } from './osv-packages.ts';
import type { Refuse } from './osv-ranges.ts';
import type { OsvRecord } from './osv-record.ts';

export interface ImportedAdvisory {
  readonly id?: string;
  readonly title?: string;
  readonly severity?: Severity;
  readonly cve: readonly string[];
  readonly affected: Advisory['affected'];
  readonly fixed: Advisory['fixed'];
  readonly alias?: readonly string[];
  readonly cvss?: readonly string[];
  readonly reference?: readonly Reference[];
  readonly notes?: string;
  /** What of the record is not taken over. */
  readonly leftOut: readonly string[];
}

const MOST = { ids: 50, references: 50, title: 300, notes: 20_000 };

/** What is known besides the record. */
export interface ImportContext {
  /** Where the record is from, for errors. */
  readonly file: string;
  readonly packages: readonly PackageName[];
  /** The releases, each by what is inside of it. */
  readonly releases?: readonly JudgedRelease[];
  /** Said in place of the record's own ranges. */
  readonly affected?: Advisory['affected'] | undefined;
  /** Said in place of its fixed versions. */
  readonly fixed?: Advisory['fixed'] | undefined;
}

/** Error: vendor/import-unusable, naming the field. */
export function importOsv(
  record: OsvRecord,
  { file, packages, releases = [], affected: said, fixed: fixes }: ImportContext,
): ImportedAdvisory {
  const refuse: Refuse = (field, problem) => {
    throw new FairleadError('vendor/import-unusable', { file, field, problem, remedy: remedyFor(field) });
  };
  const leftOut: string[] = [];
  const { affected, fixed } =
    said === undefined
      ? readAffected(record, { packages, releases }, refuse, leftOut)
      : { affected: said, fixed: fixes ?? readFixes(record, { packages, affected: said, leftOut }) };
  const vectors = readVectors(record, packages, refuse, leftOut);
  const scores = vectors.map((vector) => ({ version: cvssVersionOf(vector), ...scoreOf(vector) }));
  const [newest] = scores.toSorted((a, b) => (a.version < b.version ? 1 : -1));
  const severity = newest === undefined ? null : severityOf(newest.overall);
  const { ids, cves } = readIds(record, refuse);
  const references = readReferences(record, leftOut);
  const title = sanitizeLine(record.summary ?? '', MOST.title);
  const notes = cutText(sanitizeText(record.details ?? ''), MOST.notes);
  if (notes.length < (record.details ?? '').length) leftOut.push('the end of its details, which are long');
  return {
    ...(advisoryId.safeParse(record.id).success ? { id: record.id } : {}),
    ...(title === '' ? {} : { title }),
    ...(severity === null ? {} : { severity }),
    ...{ cve: cves, affected, fixed },
    ...(ids.length === 0 ? {} : { alias: ids }),
    ...(vectors.length === 0 ? {} : { cvss: vectors }),
    ...(references.length === 0 ? {} : { reference: references }),
    ...(notes === '' ? {} : { notes }),
    leftOut,
  };
}

/** What stands in for a field that cannot be read. */
function remedyFor(field: string): string {
  if (field.startsWith('affected')) return 'say it in its place: --affected "core/auth:<1.0.1"';
  if (field.startsWith('severity'))
    return 'mend it in the record, or leave it out and give --cvss and --severity';
  return 'mend the record';
}

/** The highest of each version. Of the whole record, or where it has none of the packages that are ours. */
function readVectors(
  { severity, affected }: OsvRecord,
  packages: readonly PackageName[],
  refuse: Refuse,
  leftOut: string[],
): readonly string[] {
  const of = (list: OsvRecord['severity'], at: string) =>
    (list ?? []).map(({ type, score }, i) => ({ type, score, field: `${at}.${i}.score` }));
  const whole = of(severity, 'severity');
  const all =
    whole.length > 0
      ? whole
      : (affected ?? []).flatMap((entry, i) =>
          componentsOf(entry, packages).length === 0 ? [] : of(entry.severity, `affected.${i}.severity`),
        );
  const best = new Map<string, string>();
  for (const { type, score, field } of all) {
    const versions = KNOWN_SCORES.get(type);
    if (versions === undefined) leftOut.push(`a score of type ${sanitizeLine(type, 50)}`);
    else if (!versions.includes(cvssVersionOf(score)) || !isCvssVector(score)) {
      return refuse(field, `"${sanitizeLine(score, 100)}" is no vector of ${type}`);
    } else {
      const other = best.get(cvssVersionOf(score));
      if (other === undefined || scoreOf(score).overall > scoreOf(other).overall) {
        best.set(cvssVersionOf(score), score);
      }
    }
  }
  return [...best.values()];
}

const KNOWN_SCORES: ReadonlyMap<string, readonly string[]> = new Map([
  ['CVSS_V3', ['3.0', '3.1']],
  ['CVSS_V4', ['4.0']],
]);

function readIds(
  { id, aliases }: OsvRecord,
  refuse: Refuse,
): { readonly cves: readonly string[]; readonly ids: readonly string[] } {
  const named = [id, ...(aliases ?? [])];
  const cves = named.filter((one) => cveId.safeParse(one).success);
  const others = named.map((text, i) => ({ text, field: i === 0 ? 'id' : `aliases.${i - 1}` }));
  for (const { text, field } of others) {
    if (cves.includes(text) || alias.safeParse(text).success) continue;
    return refuse(field, `"${sanitizeLine(text, 100)}" is no id`);
  }
  const ids = [...new Set(named.filter((one) => !cves.includes(one)))];
  if (ids.length > MOST.ids || cves.length > MOST.ids) {
    return refuse('aliases', `more than ${MOST.ids} ids of one kind`);
  }
  return { cves: [...new Set(cves)], ids };
}

function readReferences({ references }: OsvRecord, leftOut: string[]): readonly Reference[] {
  const all = (references ?? []).flatMap(({ type, url }) => {
    const kind = REFERENCE_KINDS.find((one) => one === type.toLowerCase()) ?? 'web';
    const parsed = reference.safeParse({ url: URL.parse(url)?.href ?? url, kind });
    return parsed.success ? [parsed.data] : [];
  });
  const kept = all.slice(0, MOST.references);
  const gone = (references ?? []).length - kept.length;
  if (gone > 0) leftOut.push(`${count(gone, 'reference')} beyond ${MOST.references}, or not of the web`);
  return kept;
}
