// fairlead audit: the record of what was decided here, checked line by line against what the server signed of it, and taken along.
import { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { count, EXIT, shellWord } from '../../../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { readAgainst, readRoots, verifyLedgerFile } from '../../../shared/node/ledger-files.ts';
import { writeNew } from '../../../shared/node/named-file.ts';
import { checkpointOf, describeHeld, entriesOf, heldOf, heldShape } from '../../../shared/present/ledger.ts';
import { auditReply } from '../../../shared/protocol/admin.ts';
import { formatKept, headsOf, type KeptHead } from '../../../shared/protocol/ledger-files.ts';
import { createLedgerReader, type LedgerFound } from '../../../shared/protocol/ledgers.ts';
import { openReceipt, receiptKeys, receiptsReply, rootsReply } from '../../../shared/protocol/receipt.ts';
import { type AuditHead, EMPTY_AUDIT } from '../../../shared/schema/audit-chain.ts';
import type { DsseEnvelope } from '../../../shared/trust/dsse.ts';
import type { Root } from '../../../shared/trust/metadata.ts';
import { verifyInitialRoot } from '../../../shared/trust/rules.ts';
import { isUnknownToAgent } from '../../adapters/admin/admin-client.ts';
import { readEnrolment } from '../../adapters/server/enrolment-file.ts';
import { createAuditFile } from '../../adapters/state/audit-file.ts';
import { createStateFiles } from '../../adapters/state/state-files.ts';
import { lineOf } from '../../core/audit-chain.ts';
import { everyReceipt } from '../../core/receipts.ts';
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
  options: VerifyAuditOptions,
): Promise<number> {
  const { checkpoint = EMPTY_AUDIT, against = [], root = [] } = options;
  const heads = await readAgainst({ files: against, roots: root }, () => knownRoots(context));
  const found =
    file === undefined
      ? await verifyOwn(context, heads, options)
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

/** Also against the receipts that are kept beside it: read before the log, which grows meanwhile. */
async function verifyOwn(
  context: CliContext,
  heads: readonly KeptHead[],
  { checkpoint = EMPTY_AUDIT, root = [] }: VerifyAuditOptions,
): Promise<LedgerFound> {
  const kept = heads.length > 0 ? heads : await ownHeads(context, root);
  const lines = notEmpty(await ownLines(context));
  const ours = kept.filter(({ of }) => of === 'install');
  const reader = createLedgerReader('of this instance', ours.length > 0 ? ours : heads, checkpoint);
  for (const line of lines) reader.take(utf8(line));
  return reader.end();
}

/** Whoever can write the log can write beside it too: what nobody signed vouches for nothing. Error: audit/unsigned. */
async function ownHeads(context: CliContext, root: readonly string[]): Promise<readonly KeptHead[]> {
  const receipts = await ownReceipts(context);
  if (receipts.length === 0) return [];
  const keys = receiptKeys(root.length > 0 ? await readRoots(root) : await knownRoots(context));
  // Not held against each other: that a server went back on its word says nothing against this log.
  return receipts.flatMap((envelope, i) => {
    const receipt = openReceipt(envelope, keys);
    if (receipt !== null) return headsOf(receipt);
    throw new FairleadError('audit/unsigned', { path: 'the receipts of this instance', line: i + 1 });
  });
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

/** The same way; none where the agent that runs is of a time before receipts. Errors: agent/not-running. */
async function ownReceipts({ client, stateDir }: CliContext): Promise<readonly DsseEnvelope[]> {
  try {
    return (await client.call('GET', '/v1/audit/receipts', receiptsReply)).receipts;
  } catch (error) {
    if (isUnknownToAgent(error)) return [];
    if (!isFairleadError(error, 'agent/not-running')) throw error;
    const { receipts } = createStateFiles(stateDir, () => undefined);
    const kept = await receipts.read().catch((unreadable: unknown) => {
      throw isFairleadError(unreadable, 'disk/unreadable') ? error : unreadable;
    });
    return kept === null ? [] : everyReceipt(kept);
  }
}

/** One that is damaged is passed over, as the agent does: what only it could open is not signed. Errors: disk/unreadable. */
async function knownRoots(context: CliContext): Promise<readonly Root[]> {
  return (await rootBytes(context)).flatMap((bytes) => {
    try {
      return [verifyInitialRoot(bytes)];
    } catch (error) {
      if (isFairleadError(error)) return [];
      throw error;
    }
  });
}

/** The same way: who may ask the agent need not be able to read its disk. Errors: disk/unreadable. */
async function rootBytes({ client, stateDir }: CliContext): Promise<readonly Uint8Array[]> {
  try {
    const { roots } = await client.call('GET', '/v1/audit/roots', rootsReply);
    return roots.map((bytes) => Buffer.from(bytes, 'base64'));
  } catch (error) {
    if (!isUnknownToAgent(error) && !isFairleadError(error, 'agent/not-running')) throw error;
    return await createStateFiles(stateDir, () => undefined).keptRoots();
  }
}
