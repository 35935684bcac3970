// An advisory as a CSAF 2.0 document of the profile "security advisory", with the statuses that VEX readers ask for.
import { cvssVersionOf } from '../../../shared/schema/cvss.ts';
import { type ExportInput, newestOf, type Revision } from './advisory-export.ts';
import { type Product, type ProductStatus, productsOf, treeOf } from './csaf-products.ts';
import { scoreOf, severityOf } from './cvss-score.ts';

/** Who publishes it, as CSAF wants to know. */
export interface Publisher {
  readonly name: string;
  /** An address that the publisher owns: with the id it names the document in the whole world. */
  readonly namespace: string;
  readonly contact?: string | undefined;
}

const SUMMARIES: Readonly<Record<Revision['kind'], string>> = {
  published: 'Published.',
  changed: 'Changed.',
  withdrawn: 'Withdrawn.',
};

export function exportCsaf(input: ExportInput, publisher: Publisher, version: string): object {
  const products = productsOf(input);
  const { cves } = input.advisory;
  return {
    document: documentOf(input, publisher, version),
    product_tree: treeOf(publisher.name, products),
    vulnerabilities:
      cves.length === 0
        ? [vulnerabilityOf(input, products, publisher)]
        : cves.map((cve) => ({ cve, ...vulnerabilityOf(input, products, publisher) })),
  };
}

function documentOf(
  { advisory, details, revisions }: ExportInput,
  { name, namespace, contact }: Publisher,
  version: string,
): object {
  const references = (details.references ?? []).map(({ kind, url }) => ({
    ...{ category: 'external', summary: kind, url },
  }));
  return {
    ...{ category: 'csaf_security_advisory', csaf_version: '2.0' },
    title: advisory.withdrawn ? `Withdrawn: ${advisory.title}` : advisory.title,
    aggregate_severity: { text: advisory.severity },
    ...(advisory.notes === undefined || advisory.notes.trim() === ''
      ? {}
      : { notes: [{ category: 'details', title: 'Details', text: advisory.notes }] }),
    publisher: {
      ...{ category: 'vendor', name, namespace },
      ...(contact === undefined ? {} : { contact_details: contact }),
    },
    ...(references.length === 0 ? {} : { references }),
    tracking: {
      ...{ id: advisory.id, status: 'final', version: String(revisions.length) },
      initial_release_date: revisions[0]?.at,
      current_release_date: newestOf(revisions),
      generator: { engine: { name: 'Fairlead', version } },
      revision_history: revisions.map(({ at, kind }, i) => ({
        ...{ date: at, number: String(i + 1), summary: SUMMARIES[kind] },
      })),
    },
  };
}

function vulnerabilityOf(
  input: ExportInput,
  products: readonly Product[],
  { name }: Publisher,
): Record<string, unknown> {
  const { advisory, details } = input;
  const affected = products.filter(({ status }) => status === 'known_affected');
  const ids = [
    { system_name: name, text: advisory.id },
    ...(details.aliases ?? []).map((text) => ({ system_name: text.replace(/-.*$/, ''), text })),
  ];
  return {
    ...{ title: advisory.title, ids, notes: notesOf(input), product_status: statusesOf(products) },
    ...filled('scores', scoresOf(input, affected)),
    ...filled('remediations', remediationsOf(input, affected)),
    ...filled('threats', threatsOf(input, products)),
  };
}

function notesOf({ advisory, details }: ExportInput): readonly object[] {
  // Version 2.0 of CSAF holds no score of CVSS 4.0; and of several holes none says which of them a score is of.
  const beside = (details.cvss ?? []).filter((vector) => vector !== scoredVector({ advisory, details }));
  return [
    { category: 'description', text: details.impact ?? advisory.title },
    ...beside.map((vector) => ({
      ...{ category: 'other', title: `CVSS ${cvssVersionOf(vector)}`, text: vector },
    })),
  ];
}

function scoredVector({ advisory, details }: Pick<ExportInput, 'advisory' | 'details'>): string | undefined {
  if (advisory.cves.length > 1) return undefined;
  const of = (version: string) => details.cvss?.find((vector) => cvssVersionOf(vector) === version);
  return of('3.1') ?? of('3.0');
}

function scoresOf(input: ExportInput, affected: readonly Product[]): readonly object[] {
  const vectorString = scoredVector(input);
  if (vectorString === undefined || affected.length === 0) return [];
  const { base: baseScore } = scoreOf(vectorString);
  const baseSeverity = (severityOf(baseScore) ?? 'none').toUpperCase();
  const version = cvssVersionOf(vectorString);
  return [{ products: idsOf(affected), cvss_v3: { version, vectorString, baseScore, baseSeverity } }];
}

const STATUSES: readonly ProductStatus[] = [
  ...(['known_affected', 'fixed', 'known_not_affected', 'under_investigation'] as const),
];

function statusesOf(products: readonly Product[]): object {
  const of = (status: ProductStatus) => idsOf(products.filter((product) => product.status === status));
  return Object.fromEntries(
    STATUSES.map((status) => [status, of(status)] as const).filter(([, ids]) => ids.length > 0),
  );
}

function remediationsOf({ details }: ExportInput, affected: readonly Product[]): readonly object[] {
  const byFix = Map.groupBy(affected, ({ component, fix }) => (fix === null ? null : `${component} ${fix}`));
  const fixes = [...byFix].map(([fix, products]) =>
    fix === null
      ? { category: 'none_available', details: 'No fixed version is released.', product_ids: idsOf(products) }
      : { category: 'vendor_fix', details: `Update to ${fix}.`, product_ids: idsOf(products) },
  );
  if (details.action === undefined || affected.length === 0) return fixes;
  return [...fixes, { category: 'mitigation', details: details.action, product_ids: idsOf(affected) }];
}

function threatsOf({ details, exploited }: ExportInput, products: readonly Product[]): readonly object[] {
  const of = (status: ProductStatus) => idsOf(products.filter((product) => product.status === status));
  const threats = [
    {
      category: 'exploit_status',
      details:
        details.exploitedSince === undefined
          ? 'Exploited.'
          : `Exploited, known since ${details.exploitedSince}.`,
      product_ids: exploited ? of('known_affected') : [],
    },
    {
      ...{ category: 'impact', details: 'The version is outside of the affected ranges.' },
      product_ids: of('known_not_affected'),
    },
  ];
  return threats.filter(({ product_ids }) => product_ids.length > 0);
}

function idsOf(products: readonly Product[]): readonly string[] {
  return products.map(({ id }) => id);
}

/** CSAF takes no empty lists. */
function filled(key: string, list: readonly object[]): Record<string, readonly object[]> {
  return list.length === 0 ? {} : { [key]: list };
}
