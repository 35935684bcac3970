// `audit verify`: a log's chain, the workspace's or one that was exported, held against what was kept of it elsewhere.
import { count } from '../../../../shared/errors/entry.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { readAgainst, verifyLedgerFile } from '../../../../shared/node/ledger-files.ts';
import { checkpointOf, describeHeld, entriesOf, heldOf } from '../../../../shared/present/ledger.ts';
import type { KeptHead } from '../../../../shared/protocol/ledger-files.ts';
import type { LedgerFound } from '../../../../shared/protocol/ledgers.ts';
import { type AuditHead, EMPTY_AUDIT } from '../../../../shared/schema/audit-chain.ts';
import type { Root } from '../../../../shared/trust/metadata.ts';
import { verifyInitialRoot } from '../../../../shared/trust/rules.ts';
import { verifyAudit } from '../../workspace/audit.ts';
import { readVersion } from '../../workspace/metadata.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { openWorkspace } from '../../workspace/workspace.ts';

interface VerifyOptions {
  readonly checkpoint?: AuditHead;
  readonly against?: readonly string[];
  readonly root?: readonly string[];
}

export async function verify(
  session: Session,
  file: string | undefined,
  { checkpoint: kept = EMPTY_AUDIT, against = [], root = [] }: VerifyOptions,
): Promise<void> {
  const knownRoots = () => readRoots(session.directory);
  const heads = await readAgainst({ files: against, roots: root }, knownRoots);
  const found =
    file === undefined ? await verifyOwn(session, kept, heads) : await verifyLedgerFile(file, heads, kept);
  const { first, last } = found;
  const checkpoint = checkpointOf(found);
  const span = first === null || last === null ? '' : `, from ${first} to ${last}`;
  const lines = [
    `${found.kind === 'vendor' ? count(found.head.count, 'act') : entriesOf(found)}${span}: the chain holds`,
    ...describeHeld(found),
    `checkpoint ${checkpoint}; keep it elsewhere: who can write the log can write its end anew`,
  ];
  session.out.result('audit-verify', lines, {
    ...{ acts: found.head.count, first, last, checkpoint },
    ...heldOf(found),
  });
}

/** Nobody else keeps heads of it: it is held against its own, and a checkpoint. */
async function verifyOwn(
  session: Session,
  kept: AuditHead,
  heads: readonly KeptHead[],
): Promise<LedgerFound> {
  const { directory } = await openWorkspace(session.directory);
  const { entries, head } = await verifyAudit(directory, kept);
  if (heads.length > 0) throw new FairleadError('audit/unrelated', { path: 'the log of this workspace' });
  const [first, last] = [entries[0]?.at ?? null, entries.at(-1)?.at ?? null];
  return { kind: 'vendor', head, first, last, held: 0, reaches: 0, gone: [] };
}

async function readRoots(directory: string): Promise<readonly Root[]> {
  const roots: Root[] = [];
  for (let version = 1; ; version++) {
    const file = await readVersion(directory, 'root', version);
    if (file === null) return roots;
    roots.push(verifyInitialRoot(file.bytes));
  }
}
