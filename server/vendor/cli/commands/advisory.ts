// `advisory`: the security role says which versions are affected and which are fixed, and takes it back.
import { findAdvisoryProblems } from '../../../../shared/compile/advisory-check.ts';
import { knownVersions } from '../../../../shared/compile/pin-report.ts';
import { indexReleases } from '../../../../shared/compile/releases.ts';
import { durationMs, spanMs } from '../../../../shared/encoding/duration.ts';
import { type EpochMs, formatInstant } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { type Advisory, advisory } from '../../../../shared/schema/advisory.ts';
import { parseDocument, parseDocumentBytes } from '../../../../shared/schema/parse-document.ts';
import { advisoryPath, formatRef, refFor } from '../../../../shared/schema/release-ref.ts';
import { describeImpact, foreseeImpact } from '../../core/advisory-impact.ts';
import { parseAffected, parseFixed } from '../../core/component-versions.ts';
import {
  readAdvisories,
  readReleases,
  requireRelease,
  type SignedReleases,
} from '../../workspace/documents.ts';
import { readOption } from '../../workspace/files.ts';
import type { Session } from '../../workspace/session.ts';
import { changeTargets } from '../../workspace/targets.ts';
import { jsonBytes, openWorkspace } from '../../workspace/workspace.ts';
import type { CommandSpec, Input } from '../command.ts';
import { conclude } from '../conclude.ts';
import { type FlagNames, namingFlags } from '../flags.ts';
import { readReportedInstalls } from '../fleet.ts';

export const ADVISORY_COMMANDS: readonly CommandSpec[] = [
  {
    usage: 'publish',
    summary: 'publish or replace an advisory; a critical one forces its fix',
    example:
      'advisory publish --id FL-2026-0003 --severity critical --affected "core/auth:<1.0.1" --fixed core/auth@1.0.1 ' +
      '--cve CVE-2026-1234 --title "Token reuse" --deadline 2026-12-31T00:00:00Z',
    kind: 'signs',
    options: [
      { flags: '--file <file>', about: 'the whole advisory as JSON, instead of the options below' },
      { flags: '--id <id>', about: 'such as FL-2026-0003' },
      { flags: '--title <text>', about: 'one line' },
      { flags: '--severity <level>', about: 'low, medium, high or critical' },
      { flags: '--cve <id>', about: 'CVE id', repeatable: true },
      { flags: '--affected <component:range>', about: 'such as "core/auth:<1.0.1"', repeatable: true },
      { flags: '--fixed <release>', about: 'such as core/auth@1.0.1; it must be released', repeatable: true },
      { flags: '--notice <duration>', about: 'critical: how long local windows may still be waited for' },
      { flags: '--deadline <instant>', about: 'critical: from then on windows no longer count' },
    ],
    run: publishAdvisory,
  },
  {
    usage: 'withdraw <id>',
    summary: 'it forces nothing any more; what was installed stays',
    example: 'advisory withdraw FL-2026-0003',
    kind: 'signs',
    run: withdrawAdvisory,
  },
];

const FLAGS: FlagNames = {
  ...{ id: '--id', title: '--title', severity: '--severity', cves: '--cve' },
  ...{ affected: '--affected', fixed: '--fixed' },
  ...{ order: '--deadline', 'order.notice': '--notice', 'order.deadline': '--deadline' },
};

async function publishAdvisory(session: Session, input: Input): Promise<void> {
  await openWorkspace(session.directory);
  const file = input.optional('file');
  const document =
    file === undefined
      ? composeAdvisory(session, input)
      : parseDocumentBytes(advisory, await readOption('--file', file), file);
  const signed = await readReleases(session.directory);
  for (const { component, version } of document.fixed) requireRelease(signed, refFor(component, version));
  const published = await findAdvisory(session, document.id);
  // What was published with its deadline may be corrected after it.
  const isOrdered = document.order !== undefined && document.order.deadline === published?.order?.deadline;
  verifyConsistent(document, signed, session.now(), isOrdered);
  for (const line of await foresee(session, document)) session.out.note(line);
  // Run again with the same words, it is the same advisory: the day it was published stays.
  await sign(session, 'advisory-publish', {
    ...document,
    published: published?.published ?? document.published,
  });
}

/** What is signed cannot be corrected on installs that followed it. Error: vendor/advisory-contradicts. */
function verifyConsistent(
  document: Advisory,
  { releases }: SignedReleases,
  now: EpochMs,
  isOrdered: boolean,
): void {
  const index = indexReleases(releases);
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

async function withdrawAdvisory(session: Session, input: Input): Promise<void> {
  await openWorkspace(session.directory);
  const id = input.argument(0);
  const published = await findAdvisory(session, id);
  if (published === undefined) throw new FairleadError('vendor/advisory-not-found', { advisory: id });
  await sign(session, 'advisory-withdraw', { ...published, withdrawn: true });
}

function composeAdvisory(session: Session, input: Input): Advisory {
  const deadline = input.optional('deadline');
  const notice = isoSpan(input.optional('notice'));
  if (input.optional('severity') === 'critical' && deadline === undefined) {
    throw new FairleadError('vendor/advisory-contradicts', {
      advisory: input.optional('id') ?? 'the advisory',
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
    id: input.optional('id'),
    title: input.optional('title'),
    severity: input.optional('severity'),
    cves: input.list('cve'),
    affected: input.list('affected').map(parseAffected),
    fixed: input.list('fixed').map(parseFixed),
    ...(Object.keys(order).length === 0 ? {} : { order }),
    published: formatInstant(session.now()),
  };
  return namingFlags(FLAGS, () => parseDocument(advisory, document, 'the advisory'));
}

/** `4h` as documents hold it; what is no span stays, for the schema to say so. */
function isoSpan(text: string | undefined): string | undefined {
  if (text === undefined || !Number.isNaN(durationMs(text)) || Number.isNaN(spanMs(text))) return text;
  return `PT${spanMs(text) / 1000}S`;
}

/** Before anything is signed: whoever reads it may still stop. A server that is away stops no advisory. */
async function foresee(session: Session, document: Advisory): Promise<readonly string[]> {
  const { installs, extent } = await readReportedInstalls(session);
  return describeImpact(document, foreseeImpact(document, installs), extent);
}

async function findAdvisory(session: Session, id: string): Promise<Advisory | undefined> {
  const advisories = await readAdvisories(session.directory);
  return advisories.find(({ document }) => document.id === id)?.document;
}

async function sign(session: Session, name: string, document: Advisory): Promise<void> {
  const target = {
    path: advisoryPath(document.id),
    bytes: jsonBytes(document),
    label: { kind: 'advisory', name: document.id },
  };
  const purpose = { action: name.replace('-', ' '), subject: document.id };
  const signed = [await changeTargets(session, 'security', [target], purpose)];
  const { lines, document: conclusion } = await conclude(session, signed);
  const fixes = document.fixed.map(({ component, version }) => formatRef(refFor(component, version)));
  session.out.result(
    name,
    [
      `${document.id}  ${document.severity}  ${document.withdrawn ? 'withdrawn' : document.title}`,
      fixes.length === 0 ? 'no fixed version yet' : `fixed: ${fixes.join(', ')}`,
      ...lines,
    ],
    { advisory: document, ...conclusion },
  );
}
