// From a draft to signed documents: held against what is released, its effect told, its order's terms decided, then signed.
import { findAdvisoryProblems, findDetailsProblems } from '../../../shared/compile/advisory-check.ts';
import { knownVersions } from '../../../shared/compile/pin-report.ts';
import { indexReleases } from '../../../shared/compile/release-index.ts';
import { isExploited } from '../../../shared/compile/waves.ts';
import { type EpochMs, instantMs } from '../../../shared/encoding/instant.ts';
import { finish } from '../../../shared/encoding/pieces.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import type { AdvisoryDetails } from '../../../shared/schema/advisory-details.ts';
import type { OrderTerms } from '../../../shared/schema/order-terms.ts';
import {
  advisoryDetailsPath,
  advisoryPath,
  formatRef,
  orderTermsPath,
  refFor,
} from '../../../shared/schema/release-ref.ts';
import { describeImpact, foreseeImpact, type HaltedFix } from '../core/advisory-impact.ts';
import {
  readAdvisories,
  readAdvisoryDetails,
  readHaltScopes,
  readHalts,
  readOrderTerms,
  readReleases,
  requireRelease,
  type SignedReleases,
} from '../workspace/documents.ts';
import type { Session } from '../workspace/passphrases.ts';
import { changeTargets, type TargetEdit } from '../workspace/targets.ts';
import { jsonBytes } from '../workspace/workspace.ts';
import type { AdvisoryDraft } from './advisory-draft.ts';
import { conclude } from './conclude.ts';
import { readReportedInstalls } from './fleet.ts';
import { decideTerms, describeTerms, type TermsOptions } from './terms.ts';

export interface PublishingOptions extends TermsOptions {
  readonly yes?: true;
}

/** An advisory as it is out, with what stands beside it. */
export interface PublishedAdvisory extends AdvisoryDraft {
  readonly terms: OrderTerms | null;
}

/** Undefined where none of this id is out. */
export async function findAdvisory(session: Session, id: string): Promise<PublishedAdvisory | undefined> {
  const { directory } = session;
  const advisories = await readAdvisories(directory);
  const found = advisories.find(({ document }) => document.id === id)?.document;
  if (found === undefined) return undefined;
  const mine = ({ document }: { readonly document: { readonly advisory: string } }) =>
    document.advisory === id;
  const terms = (await readOrderTerms(directory)).find(mine)?.document ?? null;
  const details = (await readAdvisoryDetails(directory)).find(mine)?.document ?? null;
  return { advisory: found, terms, details };
}

/** Error: vendor/advisory-not-found. */
export async function requireAdvisory(session: Session, id: string): Promise<PublishedAdvisory> {
  const found = await findAdvisory(session, id);
  if (found === undefined) throw new FairleadError('vendor/advisory-not-found', { advisory: id });
  return found;
}

/** `name` is the command's. Errors: vendor/not-released, vendor/advisory-contradicts, and those of signing. */
export async function publishDraft(
  session: Session,
  name: string,
  { advisory, details }: AdvisoryDraft,
  options: PublishingOptions,
): Promise<void> {
  const signed = await readReleases(session.directory);
  for (const { component, version } of advisory.fixed) {
    await requireRelease(session.directory, refFor(component, version));
  }
  const published = await findAdvisory(session, advisory.id);
  verifyConsistent({ advisory, details }, signed, session.now(), published?.advisory);
  for (const line of await foresee(session, advisory)) session.out.note(line);
  const said = details === null ? {} : { details };
  const exploited = options.exploited === true || (advisory.order !== undefined && isExploited(said));
  const terms = await decideTerms(
    session,
    advisory,
    { ...options, ...(exploited ? { exploited } : {}) },
    { advisory: published?.advisory, terms: published?.terms ?? undefined },
  );
  const what = [`Sign ${advisory.id}`, ...describeTerms(advisory, terms)].join(', ');
  if (options.yes !== true && !(await session.agrees(`${what}?`))) {
    throw new FairleadError('vendor/not-agreed', { what: advisory.id });
  }
  // Run again with the same words, it is the same advisory: the day it was published stays.
  const dated = { ...advisory, published: published?.advisory.published ?? advisory.published };
  await signAdvisory(session, name, { advisory: dated, terms, details });
}

/** What is signed cannot be corrected on installs that followed it. Error: vendor/advisory-contradicts. */
function verifyConsistent(
  { advisory, details }: AdvisoryDraft,
  { releases }: SignedReleases,
  now: EpochMs,
  published: Advisory | undefined,
): void {
  const index = finish(indexReleases(releases));
  const known = knownVersions({ index, running: new Map() });
  // What was published with its deadline may be corrected after it.
  const isOrdered = advisory.order !== undefined && advisory.order.deadline === published?.order?.deadline;
  const [first, ...others] = [
    ...findAdvisoryProblems(advisory, known, now).filter(({ flag }) => !(isOrdered && flag === '--deadline')),
    ...(details === null ? [] : findDetailsProblems(details, now)),
  ];
  if (first === undefined) return;
  throw new FairleadError('vendor/advisory-contradicts', {
    advisory: advisory.id,
    flag: first.flag,
    problem: [first, ...others].map(({ flag, problem }) => `${flag}: ${problem}`).join('; '),
  });
}

/** Before anything is signed: whoever reads it may still stop. A server that is away stops no advisory. */
async function foresee(session: Session, advisory: Advisory): Promise<readonly string[]> {
  const { installs, extent } = await readReportedInstalls(session);
  const halted = await haltedAmong(session, advisory);
  return describeImpact(advisory, foreseeImpact(advisory, installs), extent, halted);
}

/** Of its fixes those that a halt stops now, as this workspace signed it. */
async function haltedAmong(session: Session, { fixed }: Advisory): Promise<readonly HaltedFix[]> {
  const halts = await readHalts(session.directory);
  const scopes = new Set((await readHaltScopes(session.directory)).map((scope) => scope.digest));
  const found: HaltedFix[] = [];
  for (const { component, version } of fixed) {
    const { digest } = await requireRelease(session.directory, refFor(component, version));
    const halt = halts.find(({ document }) => document.digest === digest)?.document;
    if (halt === undefined || instantMs(halt.expires) <= session.now()) continue;
    found.push({ component, version, until: halt.expires, isForSome: scopes.has(digest) });
  }
  return found;
}

export async function signAdvisory(
  session: Session,
  name: string,
  { advisory, terms, details }: PublishedAdvisory,
): Promise<void> {
  const { id } = advisory;
  const edits = [
    { path: advisoryPath(id), bytes: jsonBytes(advisory), label: { kind: 'advisory', name: id } },
    besideEdit(orderTermsPath(id), 'order-terms', id, terms),
    besideEdit(advisoryDetailsPath(id), 'advisory-details', id, details),
  ];
  const purpose = { action: name.replace('-', ' '), subject: id };
  const signed = [await changeTargets(session, 'security', edits, purpose)];
  const { lines, document: conclusion } = await conclude(session, signed);
  const fixes = advisory.fixed.map(({ component, version }) => formatRef(refFor(component, version)));
  session.out.result(
    name,
    [
      `${id}  ${advisory.severity}  ${advisory.withdrawn ? 'withdrawn' : advisory.title}`,
      fixes.length === 0 ? 'no fixed version yet' : `fixed: ${fixes.join(', ')}`,
      ...describeTerms(advisory, terms),
      ...lines,
    ],
    {
      advisory,
      ...(terms === null ? {} : { terms }),
      ...(details === null ? {} : { details }),
      ...conclusion,
    },
  );
}

/** Null takes what may stand there away. */
function besideEdit(
  path: string,
  kind: string,
  name: string,
  document: OrderTerms | AdvisoryDetails | null,
): TargetEdit {
  return document === null
    ? { path, bytes: null }
    : { path, bytes: jsonBytes(document), label: { kind, name } };
}
