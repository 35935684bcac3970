// `advisory export`: a published advisory as others read it, an OSV record or a CSAF document.
import { join } from 'node:path';
import { z } from 'zod';
import manifest from '../../../../package.json' with { type: 'json' };
import { isExploited } from '../../../../shared/compile/waves.ts';
import { safeJson } from '../../../../shared/encoding/text.ts';
import { readIfPresent } from '../../../../shared/node/read-file.ts';
import { line } from '../../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../../shared/schema/parse-document.ts';
import { componentNameOf, refOf } from '../../../../shared/schema/release-ref.ts';
import { type ExportInput, revisionsOf } from '../../core/advisory-export.ts';
import { exportCsaf, type Publisher } from '../../core/csaf-export.ts';
import { exportOsv } from '../../core/osv-export.ts';
import { readAudit } from '../../workspace/audit.ts';
import { readReleases } from '../../workspace/documents.ts';
import { requireNewest } from '../../workspace/metadata.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { missingOption, openWorkspace } from '../../workspace/workspace.ts';
import { requireAdvisory } from '../advisory-signing.ts';
import { type PackageOptions, readPackages } from '../packages.ts';

interface ExportOptions extends PackageOptions {
  readonly format: 'osv' | 'csaf';
  readonly publisher?: string;
  readonly namespace?: string;
}

/** Kept in the workspace by whoever exports more than once. */
const publisherFile = z.strictObject({
  schema: z.literal('fairlead/publisher@1'),
  name: line,
  namespace: z.url({ protocol: /^https?$/, error: 'an http or https URL' }),
  contact: line.optional(),
});

/** Errors: vendor/advisory-not-found, vendor/option-invalid. */
export async function exportAdvisory(session: Session, id: string, options: ExportOptions): Promise<void> {
  await openWorkspace(session.directory);
  const input = await gather(session, id, options);
  const { format } = options;
  const document = format === 'osv' ? osvOf(session, input) : await csafOf(session, input, options);
  session.out.result('advisory-export', safeJson(document, 2).split('\n'), { format, document });
}

async function gather(session: Session, id: string, options: PackageOptions): Promise<ExportInput> {
  const { advisory, details, terms } = await requireAdvisory(session, id);
  const { releases } = await readReleases(session.directory);
  const { version: newest } = await requireNewest(session.directory, 'security');
  return {
    advisory,
    details: details ?? {},
    exploited: isExploited({
      ...(terms === null ? {} : { terms }),
      ...(details === null ? {} : { details }),
    }),
    revisions: revisionsOf(await readAudit(session.directory), advisory, newest),
    packages: await readPackages(options),
    released: (component) =>
      releases
        .map(({ document }) => document)
        .filter((document) => componentNameOf(refOf(document)) === component)
        .map(({ version }) => version),
  };
}

function osvOf(session: Session, input: ExportInput): object {
  const { record, isUnregistered } = exportOsv(input);
  if (isUnregistered) {
    session.out.note(
      `OSV knows no database that names its records as ${input.advisory.id} is named: whoever holds it to the schema refuses it, unless it has a CVE id or another alias`,
    );
  }
  return record;
}

async function csafOf(session: Session, input: ExportInput, options: ExportOptions): Promise<object> {
  return exportCsaf(input, await readPublisher(session, options), manifest.version);
}

async function readPublisher(session: Session, options: ExportOptions): Promise<Publisher> {
  const path = join(session.directory, 'publisher.json');
  const bytes = await readIfPresent(path);
  const kept = bytes === null ? null : parseDocumentBytes(publisherFile, bytes, path);
  const name = options.publisher ?? kept?.name;
  const namespace = options.namespace ?? kept?.namespace;
  if (name === undefined) throw missingOption('--publisher', 'who publishes, or keep it in publisher.json');
  if (namespace === undefined)
    throw missingOption('--namespace', 'an address of yours, or keep it in publisher.json');
  return { name, namespace, contact: kept?.contact };
}
