// Commands that look at a server's directory: does the audit log hold, also against what installs keep of it, and what is about to end.

import { utf8 } from '../../shared/encoding/bytes.ts';
import { EXIT } from '../../shared/errors/entry.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { readAgainst, verifyLedgerFile } from '../../shared/node/ledger-files.ts';
import { checkpointOf, describeHeld, entriesOf } from '../../shared/present/ledger.ts';
import type { KeptHead } from '../../shared/protocol/ledger-files.ts';
import { createLedgerReader, type LedgerFound } from '../../shared/protocol/ledgers.ts';
import { type AuditHead, EMPTY_AUDIT } from '../../shared/schema/audit-chain.ts';
import { describeExpiry, isUrgent } from '../core/expiry.ts';
import { verifyAudit } from '../db/audit-chain.ts';
import type { Database } from '../db/tables.ts';
import { listTokenExpiries } from '../db/token-lists.ts';
import { readCheckpoint } from '../repository/layout.ts';
import { readRoots } from '../repository/receipt-signer.ts';
import { listMetadataExpiries, loadState } from '../repository/state.ts';
import { findHome, type OnDirectory, withDatabase } from './home.ts';
import { logLines } from './ledger.ts';
import { type CliContext, print } from './options.ts';
import { verifyRepositoryPlace, withStore } from './place.ts';

interface ExpirySettings extends OnDirectory {
  readonly within: number;
}

interface VerifySettings extends OnDirectory {
  readonly checkpoint?: AuditHead;
  readonly against?: readonly string[];
  readonly root?: readonly string[];
}

export async function verify(
  context: CliContext,
  file: string | undefined,
  { checkpoint: kept = EMPTY_AUDIT, against = [], root = [], ...home }: VerifySettings,
): Promise<number> {
  const knownRoots = async () => withStore(await findHome(home, context), readRoots);
  const heads = await readAgainst({ files: against, roots: root }, knownRoots);
  const found =
    file === undefined
      ? await withDatabase(home, context, async (db, layout) => {
          await verifyAudit(db, await readCheckpoint(layout));
          // Kept by somebody else: whoever can write here can write the server's own as well.
          if (kept.count > 0) await verifyAudit(db, kept, kept.count);
          return holdOwn(db, heads);
        })
      : await verifyLedgerFile(file, heads, kept);
  print(`the audit log holds: ${entriesOf(found)}`);
  for (const line of describeHeld(found)) print(line);
  print(`  checkpoint  ${checkpointOf(found)}`);
  return EXIT.ok;
}

async function holdOwn(db: Database, heads: readonly KeptHead[]): Promise<LedgerFound> {
  const reader = createLedgerReader('the audit log of this server', heads);
  for await (const line of logLines(db)) reader.take(utf8(line));
  return reader.end();
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
