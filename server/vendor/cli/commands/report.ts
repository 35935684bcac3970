// `report`: who was exposed, told, offered a fix and fixed, of one customer or of one advisory, in a period that may be long past.
import { resolve } from 'node:path';
import type { z } from 'zod';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import type { Digest } from '../../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import type { NamedPeriod } from '../../../../shared/encoding/period.ts';
import { count } from '../../../../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../../../../shared/errors/error.ts';
import { writeDurably } from '../../../../shared/node/durable-file.ts';
import {
  type ComplianceInstall,
  complianceAdvisories,
  complianceInstalls,
  type Period,
  reportNoted,
} from '../../../../shared/protocol/compliance.ts';
import { customerId, customerModel, customersList } from '../../../../shared/protocol/customers.ts';
import { type ComplianceReport, createReport, formatReport } from '../../core/compliance-report.ts';
import { formatMarkdown, formatSheet } from '../../core/compliance-text.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { askServer, listAll } from '../fleet.ts';
import type { ServerClient, ServerPage } from '../server-client.ts';

interface ReportOptions {
  readonly format: 'markdown' | 'json' | 'csv';
  readonly output?: string;
}

/** Errors: vendor/option-invalid where there is no such customer, disk/*, and those of the server. */
export function compliance(
  session: Session,
  customer: string,
  { from, to }: NamedPeriod,
  options: ReportOptions,
): Promise<void> {
  return make(session, options, async (server) => {
    const { id, name } = await findCustomer(server, customer);
    const about = { kind: 'compliance', subject: name } as const;
    return readReport(server, about, { from, to, customer: id });
  });
}

/** Of one advisory since it was published, or of all that stood in a period. Errors: as above. */
export function cra(session: Session, about: string | NamedPeriod, options: ReportOptions): Promise<void> {
  const isOne = typeof about === 'string';
  const kind = 'cra' as const;
  return make(session, options, (server) =>
    isOne
      ? readReport(server, { kind, subject: about }, { ...ALWAYS, advisory: about })
      : readReport(server, { kind, subject: about.text }, { from: about.from, to: about.to }),
  );
}

/** From before the first advisory of anybody up to now, which the server knows. */
const ALWAYS = { from: formatInstant(0), to: '9999-12-31T00:00:00Z' };

async function make(
  session: Session,
  { format, output }: ReportOptions,
  read: (server: ServerClient) => Promise<ComplianceReport>,
): Promise<void> {
  await askServer(session, async (server) => {
    const report = await read(server);
    const { lines: file, digest } = formatReport(report);
    const entry = format === 'json' ? await note(session, server, report, digest) : null;
    const lines = format === 'json' ? file : format === 'csv' ? formatSheet(report) : formatMarkdown(report);
    if (output !== undefined)
      await writeDurably(resolve(output), utf8(lines.map((line) => `${line}\n`).join('')), 0o600);
    const { kind, subject, period, summary } = report;
    session.out.result(`report-${kind}`, output === undefined ? lines : [`${output}: ${describe(report)}`], {
      kind,
      subject,
      period,
      summary,
      digest,
      entry,
      file: output ?? null,
    });
  });
}

function describe({ summary: { cases, fixed, exposed, unknown, installs } }: ComplianceReport): string {
  return `${count(installs, 'install')}, ${count(cases, 'case')}: ${fixed} fixed, ${exposed} exposed, ${unknown} unknown`;
}

/** Whoever may read may make a report; that it was made, only those may write down who may change something. */
async function note(
  session: Session,
  server: ServerClient,
  { kind, subject, period }: ComplianceReport,
  digest: Digest,
) {
  try {
    const body = { kind, subject, ...period, digest };
    const { sequence } = await server.post('/api/v1/compliance/reports', body, reportNoted);
    session.out.note(`its digest ${digest} is entry ${sequence} of the server's log`);
    return sequence;
  } catch (error) {
    const status = isFairleadError(error, 'vendor/server-refused') ? error.data.status : null;
    if (status !== 401 && status !== 403) throw error;
    session.out.note(`its digest ${digest} is not in the server's log: this token may not write there`);
    return null;
  }
}

type InstallsPage = z.output<typeof complianceInstalls>;

interface Asked extends Period {
  readonly customer?: string;
  readonly advisory?: string;
}

/** Of one moment, however many pages: what the first answer says is the end. */
async function readReport(
  server: ServerClient,
  about: Pick<ComplianceReport, 'kind' | 'subject'>,
  { customer, advisory, ...asked }: Asked,
): Promise<ComplianceReport> {
  const queryOf = (fields: object) => new URLSearchParams(fields as Record<string, string>);
  const one = advisory === undefined ? {} : { advisory };
  const found = await server.get(
    `/api/v1/compliance/advisories?${queryOf({ ...asked, ...one })}`,
    complianceAdvisories,
  );
  const whose = customer === undefined ? {} : { customer };
  const query = queryOf({ ...found.period, ...one, ...whose, limit: '1000' });
  const installs: ComplianceInstall[] = [];
  for (let at: string | null = `/api/v1/compliance/installs?${query}`; at !== null; ) {
    const { value, next }: ServerPage<InstallsPage> = await server.page(at, complianceInstalls);
    installs.push(...value.installs);
    at = next;
  }
  return createReport(about, narrowed(found), installs);
}

/** Of one advisory the period begins with it. */
function narrowed(found: ReturnType<typeof complianceAdvisories.parse>) {
  const { period, advisories } = found;
  const isOpen = Date.parse(period.from) === 0;
  const first = advisories.map(({ published }) => published).sort()[0];
  return isOpen && first !== undefined ? { ...found, period: { ...period, from: first } } : found;
}

/** By its id, or by its name. One that was removed goes by its id. Error: vendor/option-invalid. */
async function findCustomer(server: ServerClient, text: string) {
  if (customerId.safeParse(text).success) {
    try {
      return await server.get(`/api/v1/customers/${text}`, customerModel);
    } catch (error) {
      if (!isFairleadError(error, 'vendor/server-refused') || error.data.status !== 404) throw error;
      return { id: text, name: text };
    }
  }
  const { entries } = await listAll(`/api/v1/customers?limit=1000`, async (path) => {
    const page = await server.page(path, customersList);
    return { ...page, value: page.value.customers };
  });
  const found = entries.find(({ name }) => name === text);
  if (found !== undefined) return found;
  const form = 'the name or the id of a customer, as `customers` lists it';
  throw new FairleadError('vendor/option-invalid', { option: '<customer>', value: text, form });
}
