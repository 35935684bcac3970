// `audit verify`: the log's chain, held against its own checkpoint and, when given, one that was kept elsewhere.
import { count } from '../../../../shared/errors/entry.ts';
import { type AuditHead, EMPTY_AUDIT, formatCheckpoint } from '../../../../shared/schema/audit-chain.ts';
import { verifyAudit } from '../../workspace/audit.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { openWorkspace } from '../../workspace/workspace.ts';

interface VerifyOptions {
  readonly checkpoint?: AuditHead;
}

export async function verify(
  session: Session,
  { checkpoint: kept = EMPTY_AUDIT }: VerifyOptions,
): Promise<void> {
  const { directory } = await openWorkspace(session.directory);
  const { entries, head } = await verifyAudit(directory, kept);
  const checkpoint = formatCheckpoint(head);
  const [first, last] = [entries[0]?.at ?? null, entries.at(-1)?.at ?? null];
  const span = first === null || last === null ? '' : `, from ${first} to ${last}`;
  const lines = [
    `${count(entries.length, 'act')}${span}: the chain holds`,
    `checkpoint ${checkpoint}; keep it elsewhere: who has this directory can write both files anew`,
  ];
  session.out.result('audit-verify', lines, { acts: entries.length, first, last, checkpoint });
}
