// An advisory before it is signed: made of what was typed or of a file, the part that installs act on and the part that people read.

import { z } from 'zod';
import { type EpochMs, formatInstant } from '../../../shared/encoding/instant.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { type Advisory, advisory } from '../../../shared/schema/advisory.ts';
import {
  type AdvisoryDetails,
  advisoryDetails,
  detailsParts,
  type Reference,
} from '../../../shared/schema/advisory-details.ts';
import { parseDocument, parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { readOption } from '../workspace/workspace.ts';

export interface AdvisoryOptions {
  readonly id?: string;
  readonly title?: string;
  readonly severity?: string;
  readonly cve?: readonly string[];
  readonly affected?: Advisory['affected'];
  readonly fixed?: Advisory['fixed'];
  readonly notice?: string;
  readonly deadline?: string;
  readonly alias?: readonly string[];
  readonly cvss?: readonly string[];
  readonly reference?: readonly Reference[];
  readonly impact?: string;
  readonly action?: string;
  readonly exploitedSince?: string;
  readonly notes?: string;
}

export interface AdvisoryDraft {
  readonly advisory: Advisory;
  /** Null where there is nothing to say beyond it. */
  readonly details: AdvisoryDetails | null;
}

const FLAGS: FlagNames = {
  ...{ id: '--id', title: '--title', severity: '--severity', cves: '--cve' },
  ...{ affected: '--affected', fixed: '--fixed' },
  ...{ order: '--deadline', 'order.notice': '--notice', 'order.deadline': '--deadline' },
  ...{ aliases: '--alias', cvss: '--cvss', references: '--reference' },
  ...{ impact: '--impact', action: '--action', exploitedSince: '--exploited-since' },
};

const source = advisory.safeExtend({ details: z.strictObject(detailsParts).optional() });

/** Errors: vendor/file-unreadable, json/*, document/invalid. */
export async function readDraft(file: string): Promise<AdvisoryDraft> {
  const { details, ...document } = parseDocumentBytes(source, await readOption('--file', file), file);
  return { advisory: document, details: toDetails(document.id, details ?? {}) };
}

/** Errors: vendor/options-invalid, vendor/advisory-contradicts. */
export function draftFrom(options: AdvisoryOptions, now: EpochMs): AdvisoryDraft {
  const { id, title, severity, cve = [], affected = [], fixed = [], notice, deadline, notes } = options;
  if (severity === 'critical' && deadline === undefined) {
    throw new FairleadError('vendor/advisory-contradicts', {
      advisory: id ?? 'the advisory',
      flag: '--deadline',
      problem: '--deadline: a critical advisory says from when on windows no longer count',
    });
  }
  const order = without({ notice, deadline });
  const document = {
    schema: 'fairlead/advisory@1',
    ...{ id, title, severity, cves: cve, affected, fixed },
    ...(Object.keys(order).length === 0 ? {} : { order }),
    published: formatInstant(now),
    ...without({ notes }),
  };
  return namingFlags(FLAGS, () => {
    const parsed = parseDocument(advisory, document, 'the advisory');
    return { advisory: parsed, details: toDetails(parsed.id, spoken(options)) };
  });
}

/** What people are told, as it was typed. */
function spoken({ alias, cvss, reference, impact, action, exploitedSince }: AdvisoryOptions): object {
  return without({ aliases: alias, cvss, references: reference, impact, action, exploitedSince });
}

function toDetails(id: string, parts: object): AdvisoryDetails | null {
  if (Object.keys(parts).length === 0) return null;
  const document = { schema: 'fairlead/advisory-details@1', advisory: id, ...parts };
  return parseDocument(advisoryDetails, document, 'the details of the advisory');
}

/** The keys that hold something. */
function without(parts: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
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
