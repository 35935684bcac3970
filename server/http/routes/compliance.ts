// Compliance: which advisories stood in a period, what became of each on each install, and that a report of it was made.
import { z } from 'zod';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { type EpochMs, formatInstantMs, instantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import {
  type ComplianceAdvisory,
  complianceAdvisories,
  complianceInstalls,
  reportNote,
  reportNoted,
} from '../../../shared/protocol/compliance.ts';
import { customerId } from '../../../shared/protocol/customers.ts';
import { advisoryId } from '../../../shared/schema/advisory.ts';
import { instant } from '../../../shared/schema/common.ts';
import type { JudgedAdvisory } from '../../core/compliance-facts.ts';
import { listRevisions, type Revision } from '../../db/advisory-revisions.ts';
import { appendAudit } from '../../db/audit.ts';
import { digestsAt, readAuditHead } from '../../db/audit-chain.ts';
import { listCompliance } from '../../db/compliance.ts';
import { transactOnce } from '../../db/once.ts';
import type { Database } from '../../db/tables.ts';
import { CHANGED_AT, CUSTOMER, DIGEST, INSTANCE, MADE_AT, PATCH } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

const asked = { from: instant, to: instant, advisory: advisoryId.optional() };

/** Of one report: each is held against what every install ran. */
export const MOST_ADVISORIES = 1_000;

const REPORT = 'sha-256=:q1Yx0rXGm3bq2cT8kZb7uQ9aL4nV6wEsq1Yx0rXGm3b=:';
const EXAMPLE = { from: '2026-11-01T00:00:00Z', to: '2026-12-01T00:00:00Z' };
const PERIOD = { from: '2026-11-01T00:00:00.000Z', to: CHANGED_AT };

const advisories = defineRoute({
  method: 'GET',
  path: '/api/v1/compliance/advisories',
  access: ['viewer'],
  ofCustomers: true,
  tag: 'fleet',
  summary:
    'The advisories that stood at some time from one instant up to another, each with all ways in which it read up to then; `period` in the answer ends now at the latest',
  query: z.strictObject(asked),
  reply: complianceAdvisories,
  example: {
    query: EXAMPLE,
    reply: {
      period: PERIOD,
      advisories: [
        {
          ...{ id: PATCH.advisory.id, severity: 'critical', title: PATCH.advisory.title },
          ...{ cves: ['CVE-2026-31337'], published: MADE_AT, withdrawn: null },
          revisions: [
            {
              ...{ at: MADE_AT, document: DIGEST, withdrawn: false, metadata: 1_795_176_480 },
              entry: { sequence: 2, digest: DIGEST },
            },
          ],
        },
      ],
      server: { count: 18, digest: DIGEST, at: CHANGED_AT },
    },
  },
  answer: async ({ db, now }, { query }) => {
    const period = periodOf(query, now());
    const found = await readAdvisories(db, period, query.advisory);
    const told = found.flatMap(({ revisions }) => revisions.flatMap(({ entry }) => entry ?? []));
    const digests = await digestsAt(db, told);
    const { count, digest } = await readAuditHead(db);
    return {
      period: { from: formatInstantMs(period.from), to: formatInstantMs(period.to) },
      advisories: found.map((one) => advisoryOf(one, digests)),
      server: digest === null ? null : { count, digest, at: formatInstantMs(now()) },
    };
  },
});

const installs = defineRoute({
  method: 'GET',
  path: '/api/v1/compliance/installs',
  access: ['viewer'],
  ofCustomers: true,
  tag: 'fleet',
  summary:
    'Page by page the installs that were there in a period, of one customer or all, each with what became of every advisory that affected it',
  query: z.strictObject({
    ...asked,
    customer: customerId.optional(),
    ...pageOf(z.tuple([z.string()])),
  }),
  reply: complianceInstalls,
  example: {
    query: { ...EXAMPLE, customer: CUSTOMER },
    reply: {
      installs: [
        {
          ...{ id: INSTANCE, name: 'Harbour hospital', customer: CUSTOMER },
          ...{ from: MADE_AT, to: CHANGED_AT, enrolled: MADE_AT, lastSeen: CHANGED_AT, known: MADE_AT },
          ...{ left: null, cloned: null, silent: [], head: null },
          reasons: [
            {
              ...{ code: 'quarantined', owner: 'admin', source: 'core/auth', times: 1 },
              ...{ message: 'core/auth 1.2.1 failed here before', from: MADE_AT, to: null },
            },
          ],
          cases: [
            {
              ...{ advisory: PATCH.advisory.id, state: 'exposed', since: MADE_AT },
              ran: [{ component: 'core/auth', version: '1.2.0', from: MADE_AT, to: null }],
              told: { at: MADE_AT, sequence: 1, report: REPORT },
              ...{ offered: null, deferred: [0], fixed: null, unknown: null },
            },
          ],
        },
      ],
    },
  },
  answer: async ({ db, now }, { query, customer, continueAt }) => {
    const period = periodOf(query, now());
    const found = await readAdvisories(db, period, query.advisory);
    const { limit, after } = pageIn(query);
    const question = {
      ...period,
      customer: customer() ?? query.customer,
      advisories: found.map(judgedOf),
    };
    const page = { limit, after: after?.[0] ?? null };
    const { entries, next } = await listCompliance(db, question, page);
    continueAt(formatCursor(next === null ? null : [next]));
    return { installs: [...entries] };
  },
});

const note = defineRoute({
  method: 'POST',
  path: '/api/v1/compliance/reports',
  access: ['publisher', 'operator', 'security'],
  tag: 'fleet',
  summary:
    'Write into the audit log that a report was made, by its digest: from then on the log shows whether a file is that report',
  repeats: 'by-key',
  body: reportNote,
  reply: reportNoted,
  example: {
    body: { kind: 'compliance', subject: 'Harbour hospitals', ...EXAMPLE, digest: DIGEST },
    reply: { sequence: 19, digest: DIGEST, at: CHANGED_AT },
  },
  answer: ({ db, now }, ask) =>
    transactOnce(db, ask.mark, now(), async (trx) => {
      const { subject, ...details } = ask.body;
      const at = now();
      await appendAudit(trx, { actor: ask.actor(), action: 'report.made', subject, details }, at);
      const { count, digest } = await readAuditHead(trx);
      return { sequence: count, digest: digest as Digest, at: formatInstantMs(at) };
    }),
});

export const COMPLIANCE_ROUTES: readonly Route[] = [advisories, installs, note];

interface Period {
  readonly from: EpochMs;
  readonly to: EpochMs;
}

/** Nobody knows what is to come. Error: request/invalid. */
function periodOf({ from, to }: { readonly from: string; readonly to: string }, now: EpochMs): Period {
  const period = { from: instantMs(from), to: Math.min(instantMs(to), now) };
  if (period.from < period.to) return period;
  throw new FairleadError('request/invalid', {
    problem: '`from` has to be before `to`, and in the past: ask for a period that has begun',
  });
}

interface Read {
  readonly revisions: readonly Revision[];
  readonly newest: Revision;
  readonly first: Revision;
  readonly withdrawn: EpochMs | null;
}

/** Those that stood in the period; one that is asked for by its id has to be there. Errors: request/not-found, request/invalid. */
async function readAdvisories(db: Database, { from, to }: Period, wanted?: string): Promise<readonly Read[]> {
  const all = Map.groupBy(await listRevisions(db, to, wanted), ({ advisory }) => advisory);
  const found = [...all.values()].flatMap((revisions): readonly Read[] => {
    const [first, newest] = [revisions[0], revisions.at(-1)];
    if (first === undefined || newest === undefined) return [];
    // Of several withdrawals the last one after which it did not stand again.
    const standing = revisions.findLastIndex(({ document }) => !document.withdrawn);
    const end = revisions[standing + 1];
    const withdrawn = end === undefined ? null : instantMs(end.at);
    if (withdrawn !== null && withdrawn <= from) return [];
    return [{ revisions, first, newest, withdrawn }];
  });
  if (wanted !== undefined && found.length === 0)
    throw new FairleadError('request/not-found', { what: `advisory ${wanted} in this period` });
  if (found.length <= MOST_ADVISORIES) return found;
  const problem = `${found.length} advisories stood in this period, and a report is about ${MOST_ADVISORIES} at most: ask for a shorter one, or for one advisory`;
  throw new FairleadError('request/invalid', { problem });
}

/** What is affected it says while it stands: a withdrawn one affects nothing. */
function judgedOf({ newest, first, withdrawn }: Read): JudgedAdvisory {
  return {
    document: newest.document,
    published: instantMs(first.at),
    withdrawn: withdrawn ?? Number.POSITIVE_INFINITY,
  };
}

function advisoryOf(
  { newest, first, withdrawn, revisions }: Read,
  digests: ReadonlyMap<number, Digest>,
): ComplianceAdvisory {
  const { id, severity, title, cves } = newest.document;
  return {
    ...{ id, severity, title, cves, published: first.at },
    withdrawn: withdrawn === null ? null : formatInstantMs(withdrawn),
    revisions: revisions.map(({ at, digest, document, metadata, entry }) => {
      const said = entry === null ? undefined : digests.get(entry);
      return {
        ...{ at, document: digest as Digest, withdrawn: document.withdrawn, metadata },
        entry: entry === null || said === undefined ? null : { sequence: entry, digest: said },
      };
    }),
  };
}
