// fairlead audit: the record of what was decided here, checked line by line against what the server signed of it, and taken along.
import { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { count, EXIT, shellWord } from '../../../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { type Against, readAgainst, verifyLedgerFile } from '../../../shared/node/ledger-files.ts';
import { writeNew } from '../../../shared/node/named-file.ts';
import { checkpointOf, describeHeld, entriesOf, heldOf, heldShape } from '../../../shared/present/ledger.ts';
import { auditReply } from '../../../shared/protocol/admin.ts';
import { formatKept, headsOf, type KeptHead } from '../../../shared/protocol/ledger-files.ts';
import { createLedgerReader, type LedgerFound } from '../../../shared/protocol/ledgers.ts';
import { readReceipt, receiptsReply } from '../../../shared/protocol/receipt.ts';
import { type AuditHead, EMPTY_AUDIT } from '../../../shared/schema/audit-chain.ts';
import type { DsseEnvelope } from '../../../shared/trust/dsse.ts';
import { readKeptRoots } from '../../adapters/repository/trust-store.ts';
import { readEnrolment } from '../../adapters/server/enrolment-file.ts';
import { createAuditFile } from '../../adapters/state/audit-file.ts';
import { createStateFiles } from '../../adapters/state/state-files.ts';
import { lineOf } from '../../core/audit-chain.ts';
import { type CliContext, show } from '../context.ts';

export const auditVerifiedAnswer = z.strictObject({
  schema: z.literal('fairlead/audit-verified@1'),
  entries: z.int(),
  checkpoint: z.string(),
  ...heldShape,
});

/** With a file; without one the lines themselves are printed. */
export const auditExportedAnswer = z.strictObject({
  schema: z.literal('fairlead/audit-exported@1'),
  entries: z.int(),
  file: z.string(),
});

export const receiptsExportedAnswer = z.strictObject({
  schema: z.literal('fairlead/receipts-exported@1'),
  receipts: z.int(),
  file: z.string(),
});

export interface VerifyAuditOptions {
  /** As `fairlead audit verify` printed it at an earlier time. */
  readonly checkpoint?: AuditHead;
  readonly against?: readonly string[];
  readonly root?: readonly string[];
}

/**
 * Of this instance, or of an exported file of any program. The chain alone betrays changed, added and removed lines; whoever can
 * write the log could make a new chain, which a checkpoint kept elsewhere betrays, or what the other side keeps of it. Errors: audit/*.
 */
export async function verifyAudit(
  context: CliContext,
  file: string | undefined,
  { checkpoint = EMPTY_AUDIT, against = [], root = [] }: VerifyAuditOptions,
): Promise<number> {
  const given: Against = { files: against, roots: root };
  const heads = await readAgainst(given, () => readKeptRoots(`${context.stateDir}/trust`));
  const found =
    file === undefined
      ? await verifyOwn(context, heads, checkpoint)
      : await verifyLedgerFile(file, heads, checkpoint);
  const reply = {
    schema: 'fairlead/audit-verified@1',
    entries: found.head.count,
    checkpoint: checkpointOf(found),
    ...heldOf(found),
  };
  show(context, reply, () => [
    context.style.bold(context.style.good(`the audit log is whole: ${entriesOf(found)}`)),
    ...describeHeld(found),
    ...(checkpoint.count > 0
      ? [`it still begins with the ${count(checkpoint.count, 'entry', 'entries')} of your checkpoint`]
      : []),
    'keep this somewhere else: with it, no entry up to here can be rewritten unnoticed',
    `  fairlead audit verify --checkpoint ${reply.checkpoint}`,
  ]);
  return EXIT.ok;
}

/** Also against the receipts that are kept beside it. */
async function verifyOwn(
  context: CliContext,
  heads: readonly KeptHead[],
  checkpoint: AuditHead,
): Promise<LedgerFound> {
  const lines = notEmpty(await ownLines(context));
  const kept = heads.length > 0 ? heads : (await ownReceipts(context)).flatMap(headsInside);
  const ours = kept.filter(({ of }) => of === 'install');
  const reader = createLedgerReader('of this instance', ours.length > 0 ? ours : heads, checkpoint);
  for (const line of lines) reader.take(utf8(line));
  return reader.end();
}

function headsInside(envelope: DsseEnvelope): readonly KeptHead[] {
  const receipt = readReceipt(envelope);
  return receipt === null ? [] : headsOf(receipt);
}

/** One JSON object a line, as they were written. */
export async function exportAudit(context: CliContext, file: string | undefined): Promise<number> {
  const lines = notEmpty(await ownLines(context));
  if (file === undefined) {
    context.print(lines.join('\n'));
    return EXIT.ok;
  }
  await writeNew(file, lines.map((line) => `${line}\n`).join(''), 0o600);
  const reply = { schema: 'fairlead/audit-exported@1', entries: lines.length, file };
  show(context, reply, () => [
    `${count(lines.length, 'entry', 'entries')} written to ${file}`,
    `check them anywhere: fairlead audit verify ${shellWord(file)}`,
  ]);
  return EXIT.ok;
}

/** What the server signed of its own log and of this one: for whoever holds the two logs against each other. */
export async function exportReceipts(context: CliContext, file: string | undefined): Promise<number> {
  const receipts = await ownReceipts(context);
  const text = formatKept(receipts.map((one) => JSON.stringify(one)));
  if (file === undefined) {
    context.print(text.trimEnd());
    return EXIT.ok;
  }
  await writeNew(file, text, 0o600);
  const reply = { schema: 'fairlead/receipts-exported@1', receipts: receipts.length, file };
  show(context, reply, () => [
    `${count(receipts.length, 'receipt')} written to ${file}`,
    `hold the server’s log against them: fairlead audit verify SERVER.jsonl --against ${shellWord(file)}`,
  ]);
  return EXIT.ok;
}

/** A log that is gone, its checkpoint with it, would pass for whole. Error: audit/damaged. */
function notEmpty(lines: readonly string[]): readonly string[] {
  if (lines.length > 0) return lines;
  const problem = 'it is empty, and every log begins with the enrolment of its instance';
  throw new FairleadError('audit/damaged', { path: 'of this instance', line: 1, problem });
}

/** From the agent; from the disk while none runs, for who may read it there. Errors: audit/damaged, enrolment/missing, agent/not-running. */
async function ownLines({ client, stateDir, clock }: CliContext): Promise<readonly string[]> {
  try {
    return (await client.call('GET', '/v1/audit', auditReply)).lines;
  } catch (error) {
    if (!isFairleadError(error, 'agent/not-running')) throw error;
    const entries = await createAuditFile(stateDir, clock)
      .entries()
      .catch((unreadable: unknown) => {
        throw isFairleadError(unreadable, 'disk/unreadable') ? error : unreadable;
      });
    const isEnrolled = entries.length > 0 || (await readEnrolment(stateDir).catch(() => 'damaged')) !== null;
    if (!isEnrolled) throw new FairleadError('enrolment/missing', { stateDir });
    return entries.map(lineOf);
  }
}

/** The same way. Errors: agent/not-running. */
async function ownReceipts({ client, stateDir }: CliContext): Promise<readonly DsseEnvelope[]> {
  try {
    return (await client.call('GET', '/v1/audit/receipts', receiptsReply)).receipts;
  } catch (error) {
    if (!isFairleadError(error, 'agent/not-running')) throw error;
    const { receipts } = createStateFiles(stateDir, () => undefined);
    const kept = await receipts.read().catch((unreadable: unknown) => {
      throw isFairleadError(unreadable, 'disk/unreadable') ? error : unreadable;
    });
    return kept?.kept ?? [];
  }
}
