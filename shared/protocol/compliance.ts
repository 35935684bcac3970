// Compliance, as the server tells it: which holes each install had in a period, from when to when, and which evidence there is of what became of them.
import { z } from 'zod';
import { advisoryId, SEVERITIES } from '../schema/advisory.ts';
import { digest, instant } from '../schema/common.ts';
import { ledgerHead } from './receipt.ts';

/** From a first moment up to another that is no part of it. */
const span = z.object({ from: instant, to: instant });
export type Period = z.output<typeof span>;

/** A report of an install: when it was received by the server's clock, its number and its digest. */
const saidIn = z.object({ at: instant, sequence: z.int().nullable(), report: z.string().nullable() });

/** An entry of the server's audit log. */
const entry = z.object({ sequence: z.int().min(1), digest });

export const CASE_STATES = ['fixed', 'exposed', 'unknown', 'left', 'withdrawn'] as const;
export const OFFERED_BY = ['order', 'policy', 'update'] as const;
export type OfferedBy = (typeof OFFERED_BY)[number];
const UNKNOWN_WHY = ['silent', 'isolated', 'cloned', 'unproven'] as const;
const LEFT_WHY = ['retired', 'moved', 'customer'] as const;

/** One advisory on one install that ran what it affects while it stood. */
const exposure = z.object({
  advisory: advisoryId,
  /** At the end of the period. */
  state: z.enum(CASE_STATES),
  /** From here time is counted: the later of the publication and of the first affected version that ran here. */
  since: instant,
  /** `to` is null while it still ran at the end. */
  ran: z.array(
    z.object({ component: z.string(), version: z.string(), from: instant, to: instant.nullable() }),
  ),
  /** The first report that named the advisory. */
  told: saidIn.nullable(),
  /** The first report by which a fix was on offer; an `update` is one of which its report does not say what it mends. */
  offered: saidIn.extend({ by: z.enum(OFFERED_BY), plan: digest, manifest: digest }).nullable(),
  /** What kept the fix away meanwhile: places in the list `reasons` of the install. */
  deferred: z.array(z.int().min(0)),
  fixed: z
    .object({
      at: instant,
      /** Whose clock says so: that of the install is believed within what the server saw. */
      clock: z.enum(['install', 'server']),
      /** What came in its place. */
      version: z.string().nullable(),
      /** The first report by which another version ran: what came afterwards it does not say. */
      seen: saidIn,
      /** Of the deployment that brought it; null where none was reported. */
      record: z.object({ id: z.int().min(1), plan: digest, digest }).nullable(),
    })
    .nullable(),
  unknown: z.object({ since: instant, why: z.enum(UNKNOWN_WHY) }).nullable(),
});

const reason = z.object({
  ...{ code: z.string(), owner: z.string(), source: z.string(), message: z.string() },
  /** How often, from the first time to the last. */
  times: z.int().min(1),
  ...{ from: instant, to: instant.nullable() },
});

const install = z.object({
  ...{ id: z.string(), name: z.string(), customer: z.string().nullable() },
  /** Within the period: from when to when it was there, and this customer's where one is asked for. */
  ...{ from: instant, to: instant },
  enrolled: instant,
  lastSeen: instant.nullable(),
  /** From when on what it said is kept; null where nothing is. */
  known: instant.nullable(),
  left: z.object({ at: instant, why: z.enum(LEFT_WHY), entry: entry.nullable() }).nullable(),
  /** When two agents spoke with its identity. */
  cloned: span.nullable(),
  /** When nothing was heard of it for longer than a day; `to` is null while it is so. */
  silent: z.array(z.object({ from: instant, to: instant.nullable() })),
  /** Where its own log ended when it last said so. */
  head: z.object({ ...ledgerHead.shape, at: instant }).nullable(),
  reasons: z.array(reason),
  cases: z.array(exposure),
});

const advisoryModel = z.object({
  id: advisoryId,
  ...{ severity: z.enum(SEVERITIES), title: z.string(), cves: z.array(z.string()) },
  published: instant,
  withdrawn: instant.nullable(),
  /** Each way in which it read up to the end of the period; the last one counts. */
  revisions: z.array(
    z.object({
      ...{ at: instant, document: digest, withdrawn: z.boolean(), metadata: z.int().min(0) },
      entry: entry.nullable(),
    }),
  ),
});

/** GET /api/v1/compliance/advisories: those that stood in the period. `period` ends now at the latest. */
export const complianceAdvisories = z.object({
  period: span,
  advisories: z.array(advisoryModel),
  /** The server's own log when it was asked. */
  server: z.object({ ...ledgerHead.shape, at: instant }).nullable(),
});

/** GET /api/v1/compliance/installs, page by page. */
export const complianceInstalls = z.object({ installs: z.array(install) });

/** POST /api/v1/compliance/reports: a report that was made, by its digest, is from then on in the server's audit log. */
export const reportNote = z.strictObject({
  kind: z.enum(['compliance', 'cra']),
  subject: z.string().min(1).max(300),
  ...{ from: instant, to: instant },
  digest,
});
export const reportNoted = z.object({ ...entry.shape, at: instant });

export type ComplianceExposure = z.output<typeof exposure>;
export type ComplianceInstall = z.output<typeof install>;
export type ComplianceAdvisory = z.output<typeof advisoryModel>;
export type ComplianceAdvisories = z.output<typeof complianceAdvisories>;
export type ReportNote = z.output<typeof reportNote>;
