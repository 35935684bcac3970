// Commands that look at a server's directory: does the audit log hold, and what is about to end.

import { count, EXIT } from '../../shared/errors/entry.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { describeExpiry, isUrgent } from '../core/expiry.ts';
import { verifyAudit } from '../db/audit-chain.ts';
import { listTokenExpiries } from '../db/token-lists.ts';
import { type AuditCheckpoint, readCheckpoint } from '../repository/layout.ts';
import { listMetadataExpiries, loadState } from '../repository/state.ts';
import { findHome, type OnDirectory, withDatabase } from './home.ts';
import { type CliContext, print } from './options.ts';
import { verifyRepositoryPlace, withStore } from './place.ts';

interface VerifySettings extends OnDirectory {
  readonly checkpoint?: AuditCheckpoint;
}

interface ExpirySettings extends OnDirectory {
  readonly within: number;
}

export async function verify(context: CliContext, { checkpoint, ...home }: VerifySettings): Promise<number> {
  const head = await withDatabase(home, context, async (db, layout) => {
    const found = await verifyAudit(db, await readCheckpoint(layout));
    // Kept by somebody else: whoever can write here can write the server's own as well.
    if (checkpoint !== undefined) await verifyAudit(db, checkpoint, checkpoint.count);
    return found;
  });
  print(`the audit log holds: ${count(head.count, 'entry', 'entries')}`);
  if (head.digest !== null) print(`  checkpoint  ${head.count}:${head.digest}`);
  return EXIT.ok;
}

export async function showExpiries(
  context: CliContext,
  { within, ...home }: ExpirySettings,
): Promise<number> {
  const now = Date.now();
  const tokens = await withDatabase(home, context, (db) => listTokenExpiries(db));
  const found = await findHome(home, context);
  await verifyRepositoryPlace(found, 'use');
  const state = await withStore(found, loadState);
  const all = [...listMetadataExpiries(state), ...tokens];
  for (const one of all.toSorted((a, b) => a.at - b.at)) print(describeExpiry(one, now));
  const urgent = all.filter((one) => isUrgent(one, now, within)).toSorted((a, b) => a.at - b.at);
  const [first] = urgent;
  if (first === undefined) return EXIT.ok;
  throw new FairleadError('server/expiring', { count: urgent.length, first: `${first.kind} ${first.name}` });
}
