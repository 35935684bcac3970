// fairlead audit: the record of what was decided here, checked line by line, and taken along.
import { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { count, EXIT, shellWord } from '../../../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { readNamed, writeNew } from '../../../shared/node/named-file.ts';
import { auditReply } from '../../../shared/protocol/admin.ts';
import { type AuditHead, EMPTY_AUDIT, formatCheckpoint } from '../../../shared/schema/audit-chain.ts';
import { readEnrolment } from '../../adapters/server/enrolment-file.ts';
import { createAuditFile } from '../../adapters/state/audit-file.ts';
import { lineOf, readChain } from '../../core/audit-chain.ts';
import { type CliContext, show } from '../context.ts';

export const auditVerifiedAnswer = z.strictObject({
  schema: z.literal('fairlead/audit-verified@1'),
  entries: z.int(),
  checkpoint: z.string(),
});

/** With a file; without one the lines themselves are printed. */
export const auditExportedAnswer = z.strictObject({
  schema: z.literal('fairlead/audit-exported@1'),
  entries: z.int(),
  file: z.string(),
});

export interface VerifyAuditOptions {
  /** As `fairlead audit verify` printed it at an earlier time. */
  readonly checkpoint?: AuditHead;
}

/**
 * Of this instance, or of an exported file. The chain alone betrays changed, added and removed lines; whoever can write
 * the log could make a new chain, which only a checkpoint kept elsewhere betrays. Errors: audit/*.
 */
export async function verifyAudit(
  context: CliContext,
  file: string | undefined,
  options: VerifyAuditOptions,
): Promise<number> {
  const { checkpoint = EMPTY_AUDIT } = options;
  const name = file ?? 'of this instance';
  const { entries, head } = readChain(notEmpty(await linesOf(context, file), name), checkpoint, name);
  const held = checkpoint.count > 0;
  const reply = {
    schema: 'fairlead/audit-verified@1',
    entries: entries.length,
    checkpoint: formatCheckpoint(head),
  };
  show(context, reply, () => [
    context.style.bold(
      context.style.good(`the audit log is whole: ${count(entries.length, 'entry', 'entries')}`),
    ),
    ...(held
      ? [`it still begins with the ${count(checkpoint.count, 'entry', 'entries')} of your checkpoint`]
      : []),
    'keep this somewhere else: with it, no entry up to here can be rewritten unnoticed',
    `  fairlead audit verify --checkpoint ${reply.checkpoint}`,
  ]);
  return EXIT.ok;
}

/** One JSON object a line, as they were written. */
export async function exportAudit(context: CliContext, file: string | undefined): Promise<number> {
  const lines = notEmpty(await ownLines(context), 'of this instance');
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

/** A log that is gone, its checkpoint with it, would pass for whole. Error: audit/damaged. */
function notEmpty<Line>(lines: readonly Line[], path: string): readonly Line[] {
  if (lines.length > 0) return lines;
  const problem = 'it is empty, and every log begins with the enrolment of its instance';
  throw new FairleadError('audit/damaged', { path, line: 1, problem });
}

async function linesOf(context: CliContext, file: string | undefined): Promise<readonly Uint8Array[]> {
  if (file === undefined) return (await ownLines(context)).map(utf8);
  const lines = Buffer.from(await readNamed(file))
    .toString('latin1')
    .split('\n');
  // The end of the last line, or a line that lost its end.
  const rest = lines.pop() ?? '';
  return [...lines, ...(rest === '' ? [] : [rest])].map((line) => Buffer.from(line, 'latin1'));
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
