// `advisory`: the security role says which versions are affected and which are fixed, and takes it back.
import { findAdvisoryProblems } from '../../../../shared/compile/advisory-check.ts';
import { knownVersions } from '../../../../shared/compile/pin-report.ts';
import { indexReleases } from '../../../../shared/compile/releases.ts';
import { type EpochMs, formatInstant } from '../../../../shared/encoding/instant.ts';
import { finish } from '../../../../shared/encoding/pieces.ts';
import { FairleadError, isFairleadError } from '../../../../shared/errors/error.ts';
import { type Advisory, advisory } from '../../../../shared/schema/advisory.ts';
import type { OrderTerms } from '../../../../shared/schema/order-terms.ts';
import { parseDocument, parseDocumentBytes } from '../../../../shared/schema/parse-document.ts';
import { advisoryPath, formatRef, orderTermsPath, refFor } from '../../../../shared/schema/release-ref.ts';
import { describeImpact, foreseeImpact } from '../../core/advisory-impact.ts';
import {
  readAdvisories,
  readOrderTerms,
  readReleases,
  requireRelease,
  type SignedReleases,
} from '../../workspace/documents.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { changeTargets, type TargetEdit } from '../../workspace/targets.ts';
import { jsonBytes, openWorkspace, readOption } from '../../workspace/workspace.ts';
import { conclude } from '../conclude.ts';
import { readReportedInstalls } from '../fleet.ts';
import { decideTerms, describeTerms, type TermsOptions } from '../terms.ts';

const FLAGS: FlagNames = {
  ...{ id: '--id', title: '--title', severity: '--severity', cves: '--cve' },
  ...{ affected: '--affected', fixed: '--fixed' },
  ...{ order: '--deadline', 'order.notice': '--notice', 'order.deadline': '--deadline' },
};

interface AdvisoryOptions extends TermsOptions {
  readonly file?: string;
  readonly id?: string;
  readonly title?: string;
  readonly severity?: string;
  readonly cve?: readonly string[];
  readonly affected?: Advisory['affected'];
  readonly fixed?: Advisory['fixed'];
  readonly notice?: string;
  readonly deadline?: string;
}

export async function publishAdvisory(session: Session, options: AdvisoryOptions): Promise<void> {
  await openWorkspace(session.directory);
  const { file } = options;
  const document =
    file === undefined
      ? composeAdvisory(session, options)
      : parseDocumentBytes(advisory, await readOption('--file', file), file);
  const signed = await readReleases(session.directory);
  for (const { component, version } of document.fixed) requireRelease(signed, refFor(component, version));
  const published = await findAdvisory(session, document.id);
  // What was published with its deadline may be corrected after it.
  const isOrdered = document.order !== undefined && document.order.deadline === published?.order?.deadline;
  verifyConsistent(document, signed, session.now(), isOrdered);
  for (const line of await foresee(session, document)) session.out.note(line);
  const before = await findTerms(session, document.id);
  const terms = await decideTerms(session, document, options, { advisory: published, terms: before });
  // Run again with the same words, it is the same advisory: the day it was published stays.
  const dated = { ...document, published: published?.published ?? document.published };
  await sign(session, 'advisory-publish', dated, terms);
}

async function findTerms(session: Session, id: string): Promise<OrderTerms | undefined> {
  const all = await readOrderTerms(session.directory);
  return all.find(({ document }) => document.advisory === id)?.document;
}

/** What is signed cannot be corrected on installs that followed it. Error: vendor/advisory-contradicts. */
function verifyConsistent(
  document: Advisory,
  { releases }: SignedReleases,
  now: EpochMs,
  isOrdered: boolean,
): void {
  const index = finish(indexReleases(releases));
  const [first, ...others] = findAdvisoryProblems(
    document,
    knownVersions({ index, running: new Map() }),
    now,
  ).filter(({ flag }) => !(isOrdered && flag === '--deadline'));
  if (first === undefined) return;
  throw new FairleadError('vendor/advisory-contradicts', {
    advisory: document.id,
    flag: first.flag,
    problem: [first, ...others].map(({ flag, problem }) => `${flag}: ${problem}`).join('; '),
  });
}

export async function withdrawAdvisory(session: Session, id: string): Promise<void> {
  await openWorkspace(session.directory);
  const published = await findAdvisory(session, id);
  if (published === undefined) throw new FairleadError('vendor/advisory-not-found', { advisory: id });
  await sign(session, 'advisory-withdraw', { ...published, withdrawn: true }, null);
}

function composeAdvisory(session: Session, options: AdvisoryOptions): Advisory {
  const { id, title, severity, cve = [], affected = [], fixed = [], notice, deadline } = options;
  if (severity === 'critical' && deadline === undefined) {
    throw new FairleadError('vendor/advisory-contradicts', {
      advisory: id ?? 'the advisory',
      flag: '--deadline',
      problem: '--deadline: a critical advisory says from when on windows no longer count',
    });
  }
  const order = {
    ...(notice === undefined ? {} : { notice }),
    ...(deadline === undefined ? {} : { deadline }),
  };
  const document = {
    schema: 'fairlead/advisory@1',
    ...{ id, title, severity, cves: cve, affected, fixed },
    ...(Object.keys(order).length === 0 ? {} : { order }),
    published: formatInstant(session.now()),
  };
  return namingFlags(FLAGS, () => parseDocument(advisory, document, 'the advisory'));
}

/** `4h` as documents hold it; what is no span stays, for the schema to say so. */
/** Before anything is signed: whoever reads it may still stop. A server that is away stops no advisory. */
async function foresee(session: Session, document: Advisory): Promise<readonly string[]> {
  const { installs, extent } = await readReportedInstalls(session);
  return describeImpact(document, foreseeImpact(document, installs), extent);
}

async function findAdvisory(session: Session, id: string): Promise<Advisory | undefined> {
  const advisories = await readAdvisories(session.directory);
  return advisories.find(({ document }) => document.id === id)?.document;
}

async function sign(
  session: Session,
  name: string,
  document: Advisory,
  terms: OrderTerms | null,
): Promise<void> {
  const target = {
    path: advisoryPath(document.id),
    bytes: jsonBytes(document),
    label: { kind: 'advisory', name: document.id },
  };
  const purpose = { action: name.replace('-', ' '), subject: document.id };
  const edits = [target, termsEdit(document.id, terms)];
  const signed = [await changeTargets(session, 'security', edits, purpose)];
  const { lines, document: conclusion } = await conclude(session, signed);
  const fixes = document.fixed.map(({ component, version }) => formatRef(refFor(component, version)));
  session.out.result(
    name,
    [
      `${document.id}  ${document.severity}  ${document.withdrawn ? 'withdrawn' : document.title}`,
      fixes.length === 0 ? 'no fixed version yet' : `fixed: ${fixes.join(', ')}`,
      ...describeTerms(document, terms),
      ...lines,
    ],
    { advisory: document, ...(terms === null ? {} : { terms }), ...conclusion },
  );
}

function termsEdit(advisory: string, terms: OrderTerms | null): TargetEdit {
  const path = orderTermsPath(advisory);
  if (terms === null) return { path, bytes: null };
  return { path, bytes: jsonBytes(terms), label: { kind: 'order-terms', name: advisory } };
}

/** The flag of each key at the top of a document, or of `order.deadline` and the like. */
export type FlagNames = Readonly<Record<string, string>>;

/** Error: vendor/options-invalid in place of document/invalid. */
export function namingFlags<T>(flags: FlagNames, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isFairleadError(error, 'document/invalid')) throw error;
    const issues = error.data.issues.map((issue) => ({ ...issue, path: flagOf(flags, issue.path) }));
    throw new FairleadError('vendor/options-invalid', { issues });
  }
}

function flagOf(flags: FlagNames, path: string): string {
  const [top = ''] = path.split('.');
  return flags[path] ?? flags[top] ?? path;
}
